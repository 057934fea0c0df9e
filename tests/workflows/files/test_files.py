"""What every storage does: a folder on the same disk, and a bucket."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from workflows import files
from workflows.errors import Damaged, Unavailable
from workflows.files import local

UPLOAD = "uploads/4b36dbfa-3a4e-4b3a-9a43-0d2b7f9c9a11"
RUN = "runs/0d2b7f9c-9a11-4b3a-9a43-4b36dbfa3a4e"
REPOSITORY = Path(__file__).resolve().parents[3]
LARGE = os.urandom(40_000_000)


TRANSFER = """
import os, resource, sys
from pathlib import Path
os.environ |= {"STORAGE_URL": sys.argv[2], "DJANGO_SETTINGS_MODULE": "nnservice.settings"}
import django
django.setup()
from workflows import files
files.check_writable()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
files.publish(Path(sys.argv[1]), "uploads/1")
with files.local_copy("uploads/1"):
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


class Stop(Exception):
    """Ends a transfer."""


def stop() -> None:
    raise Stop


class StorageContract:
    """Publish, read, replace, remove, list."""

    @pytest.fixture
    def make(self, tmp_path: Path):
        """Give a function that makes a folder of work."""

        def folder(**contents: bytes) -> Path:
            path = tmp_path / "work" / str(time.monotonic_ns())
            for name, content in contents.items():
                file = path / name.replace("__", "/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            return path

        return folder

    def test_a_published_folder_is_read_as_it_was_and_gone_from_the_work(self, make) -> None:
        work = make(a=b"1", deep__b=b"22", empty=b"")
        files.publish(work, UPLOAD)
        assert not work.exists()
        assert sorted(files.names(UPLOAD)) == ["a", "deep/b", "empty"]
        with files.local_copy(UPLOAD) as folder:
            assert (folder / "a").read_bytes() == b"1"
            assert (folder / "deep/b").read_bytes() == b"22"
            assert (folder / "empty").read_bytes() == b""
        assert b"".join(files.stream(UPLOAD, "deep/b")) == b"22"

    def test_a_large_file_keeps_every_byte(self, make) -> None:
        files.publish(make(large=LARGE), UPLOAD)
        with files.local_copy(UPLOAD) as folder:
            assert (folder / "large").read_bytes() == LARGE
        assert b"".join(files.stream(UPLOAD, "large")) == LARGE

    def test_what_matches_a_pattern_is_there(self, make) -> None:
        files.publish(make(**{"scores.npy": b"1", "model.onnx": b"2"}), RUN)
        with files.local_copy(RUN, "scores.*", "labels.*") as folder:
            assert (folder / "scores.npy").read_bytes() == b"1"
            assert not (folder / "labels.npy").exists()
        with files.local_copy(RUN, "model.onnx") as folder:
            assert (folder / "model.onnx").read_bytes() == b"2"

    def test_what_is_missing_is_said(self, make) -> None:
        with pytest.raises(Damaged, match=f"the stored files {UPLOAD} are missing"), files.local_copy(UPLOAD):
            pass
        assert files.names(UPLOAD) == []
        files.publish(make(a=b"1"), UPLOAD)
        with pytest.raises(Damaged, match="missing"):
            list(files.stream(UPLOAD, "b"))

    def test_a_changing_folder_is_read_anew_each_time(self, make) -> None:
        prefix = f"{RUN}/checkpoint"
        for epoch in (b"1", b"2"):
            files.publish(make(epoch=epoch, same=b"same", **{f"only-{epoch.decode()}": b""}), prefix, changing=True)
            with files.local_copy(prefix) as folder:
                assert (folder / "epoch").read_bytes() == epoch
                assert (folder / "same").read_bytes() == b"same"
        assert sorted(files.names(prefix)) == ["epoch", "only-2", "same"]
        with files.local_copy(prefix) as folder:
            assert not (folder / "only-1").exists()

    def test_a_removed_folder_leaves_nothing(self, make) -> None:
        for name in ("artifact-1", "checkpoint"):
            files.publish(make(a=b"1"), f"{RUN}/{name}")
        with files.local_copy(f"{RUN}/artifact-1"):
            pass
        files.publish(make(a=b"1"), UPLOAD)
        files.remove(RUN)
        assert files.stored(files.RUNS) == {}
        assert not [prefix for prefix in files.cache().prefixes() if prefix.startswith("runs")]
        files.remove(RUN)
        assert files.names(UPLOAD) == ["a"]

    def test_a_run_is_removed_but_for_what_is_kept(self, make) -> None:
        for name in ("artifact-1", "artifact-2", "checkpoint"):
            files.publish(make(a=b"1"), f"{RUN}/{name}")
        files.keep_only(RUN, {"artifact-2", "run.log"})
        assert {name for name in files.stored(files.RUNS)[RUN.split("/")[1]] if name} == {"artifact-2"}

    def test_stored_tells_what_lies_under_each_id_and_since_when(self, make) -> None:
        assert files.stored(files.UPLOADS) == {}
        files.publish(make(a=b"1"), UPLOAD)
        files.publish(make(a=b"1"), f"{RUN}/artifact-1")
        (inside,) = files.stored(files.RUNS).values()
        assert list(inside)[-1] == "artifact-1"
        assert inside["artifact-1"] == pytest.approx(time.time(), abs=60)
        assert list(files.stored(files.UPLOADS)) == [UPLOAD.split("/")[1]]

    def test_a_log_grows_over_attempts_and_is_read_in_pieces(self, tmp_path: Path) -> None:
        key = f"{RUN}/run.log"
        assert files.size(key) is None
        for attempt in (b"first\n", b"second\n"):
            work = tmp_path / attempt.decode().strip()
            work.mkdir()
            path = files.open_log(key, work)
            with path.open("ab") as log:
                log.write(attempt)
            files.put_log(path, key)
        assert files.size(key) == 13
        assert files.read(key, 3, 9) == b"st\nsec"
        files.remove(RUN)
        assert files.size(key) is None

    def test_it_can_be_asked_whether_it_takes_files_and_what_time_it_is(self) -> None:
        assert files.check_writable() == pytest.approx(time.time(), abs=60)
        assert files.stored(files.UPLOADS) == {}


class TestFolder(StorageContract):
    @pytest.fixture(autouse=True)
    def _storage(self, in_folder: Path) -> None:
        pass

    @pytest.fixture
    def elsewhere(self) -> Iterator[Path]:
        """Give a folder of another disk."""
        if not Path("/dev/shm").is_dir():
            pytest.skip("needs a second disk")
        with tempfile.TemporaryDirectory(dir="/dev/shm", ignore_cleanup_errors=True) as name:
            yield Path(name)

    def test_a_folder_is_renamed_not_copied(self, make, in_folder: Path) -> None:
        work = make(a=b"1")
        inode = (work / "a").stat().st_ino
        files.publish(work, UPLOAD)
        with files.local_copy(UPLOAD) as folder:
            assert folder == in_folder / UPLOAD
            assert (folder / "a").stat().st_ino == inode

    def test_from_another_disk_it_is_copied_whole_or_not_at_all(self, in_folder: Path, elsewhere: Path) -> None:
        work = elsewhere / "work"
        work.mkdir()
        (work / "large").write_bytes(LARGE)
        with pytest.raises(Stop):
            files.publish(work, UPLOAD, check=stop)
        assert not list(in_folder.rglob("*large*"))
        assert not list((in_folder / "uploads").iterdir())
        files.publish(work, UPLOAD)
        assert not work.exists()
        assert (in_folder / UPLOAD / "large").read_bytes() == LARGE

    def test_from_another_disk_it_replaces_what_was_there_or_leaves_it(self, in_folder: Path, elsewhere: Path) -> None:
        def make(content: bytes) -> Path:
            (elsewhere / "work").mkdir(exist_ok=True)
            (elsewhere / "work" / "epoch").write_bytes(content)
            return elsewhere / "work"

        prefix = f"{RUN}/checkpoint"
        for content in (b"1", b"2"):
            files.publish(make(content), prefix, changing=True)
        with pytest.raises(Stop):
            files.publish(make(b"3"), prefix, changing=True, check=stop)
        assert [path.name for path in (in_folder / RUN).iterdir()] == ["checkpoint"]
        assert (in_folder / prefix / "epoch").read_bytes() == b"2"

    def test_a_slow_disk_never_keeps_a_run_waiting_for_a_whole_file(
        self, in_folder: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(local, "SYNC_BYTES", 8_000_000)
        sync, done = os.fsync, []

        def note(descriptor: int) -> None:
            sync(descriptor)
            done.append(os.fstat(descriptor).st_size)

        monkeypatch.setattr(os, "fsync", note)
        (elsewhere / "large").write_bytes(LARGE)
        files.publish(elsewhere, UPLOAD, check=lambda: done.append("checked"))
        del done[: done.index("checked")]  # what was synced before the copy
        sizes = [step for step in done if step != "checked"]
        assert sizes[0] <= 9_000_000
        for before, after in pairwise(sizes[: sizes.index(len(LARGE)) + 1]):
            assert after - before <= 9_000_000
            assert "checked" in done[done.index(before) : done.index(after)]


class TestBucket(StorageContract):
    @pytest.fixture(autouse=True)
    def _storage(self, in_bucket) -> None:
        pass

    def test_after_an_error_nothing_is_left_of_a_publication(self, make, in_bucket) -> None:
        def stop_amid_the_second_file() -> None:
            if in_bucket.unfinished():
                raise Stop

        with pytest.raises(Stop):
            files.publish(make(a=b"1", large=LARGE), UPLOAD, check=stop_amid_the_second_file)
        assert in_bucket.stored_keys() == []
        assert in_bucket.unfinished() == []

    def test_what_a_bucket_that_went_away_kept_of_a_publication_goes_with_the_next(self, make, in_bucket) -> None:
        def go_away_amid_the_second_file() -> None:
            if len(in_bucket.stored_keys()) == 1:
                raise Unavailable("away")

        work = make(a=b"1", b=b"2")
        with pytest.raises(Unavailable):
            files.publish(work, UPLOAD, check=go_away_amid_the_second_file)
        assert len(in_bucket.stored_keys()) == 1
        files.publish(work, UPLOAD)
        assert len(in_bucket.stored_keys()) == 3, "two files and the listing"

    def test_a_copy_that_lost_its_bytes_in_a_power_cut_is_fetched_anew(self, make) -> None:
        files.publish(make(a=b"content", b=b"other"), UPLOAD)
        for lost in (b"", b"cont"):
            with files.local_copy(UPLOAD) as folder:
                (folder / "a").write_bytes(lost)
            with files.local_copy(UPLOAD) as folder:
                assert (folder / "a").read_bytes() == b"content"

    def test_a_failed_replacement_leaves_what_was_there(self, make, in_bucket) -> None:
        files.publish(make(a=b"1"), UPLOAD, changing=True)
        before = in_bucket.stored_keys()
        with pytest.raises(Stop):
            files.publish(make(a=b"2"), UPLOAD, changing=True, check=stop)
        assert in_bucket.stored_keys() == before
        assert b"".join(files.stream(UPLOAD, "a")) == b"1"

    def test_what_was_replaced_is_removed(self, make, in_bucket) -> None:
        for content in (b"1", b"2", b"3"):
            files.publish(make(a=content), UPLOAD, changing=True)
        assert len(in_bucket.stored_keys()) == 2, "a file and the listing"

    def test_everything_lies_below_the_prefix_of_the_url(self, make, in_bucket) -> None:
        files.publish(make(a=b"1"), UPLOAD)
        assert all(key.startswith(f"some/where/{UPLOAD}/") for key in in_bucket.stored_keys())

    def test_a_changed_file_is_refused_and_not_kept(self, make, in_bucket) -> None:
        files.publish(make(a=b"good", large=LARGE), UPLOAD)
        (key,) = (key for key in in_bucket.stored_keys() if key.endswith("/large"))
        in_bucket.flip_a_byte(key)
        for _ in range(2):
            refused = pytest.raises(Damaged, match=r"large .* is not the one that was written \(sha256 differs\)")
            with refused, files.local_copy(UPLOAD):
                pass
        with pytest.raises(Damaged):
            list(files.stream(UPLOAD, "large"))
        with files.local_copy(UPLOAD, "a") as folder:
            assert [path.name for path in folder.iterdir()] == ["a"]

    def test_a_missing_object_and_a_changed_listing_are_refused(self, make, in_bucket) -> None:
        files.publish(make(a=b"1"), UPLOAD)
        (key,) = (key for key in in_bucket.stored_keys() if key.endswith("/a"))
        in_bucket.delete(key)
        with pytest.raises(Damaged, match="missing"), files.local_copy(UPLOAD):
            pass
        in_bucket.flip_a_byte(f"some/where/{UPLOAD}/listing.json")
        with pytest.raises(Damaged), files.local_copy(UPLOAD):
            pass

    def test_a_damaged_listing_gives_way_to_the_next_publication(self, make, in_bucket) -> None:
        files.publish(make(a=b"1"), UPLOAD, changing=True)
        in_bucket.put(f"some/where/{UPLOAD}/listing.json", b"{")
        files.publish(make(a=b"2"), UPLOAD, changing=True)
        with files.local_copy(UPLOAD) as folder:
            assert (folder / "a").read_bytes() == b"2"

    def test_memory_does_not_grow_with_the_size_of_a_file(self, make, in_bucket, tmp_path: Path) -> None:
        work = make(large=LARGE * 3)
        transfer = [sys.executable, "-c", TRANSFER, str(work), in_bucket.storage_url]
        environment = os.environ | {"NNSERVICE_HOME": str(tmp_path / "home")}
        grown = subprocess.run(transfer, env=environment, capture_output=True, text=True, check=True, cwd=REPOSITORY)
        assert int(grown.stdout) < 60_000_000

    def test_uploads_in_parts_that_nobody_ended_are_ended(self, in_bucket) -> None:
        client = in_bucket.store.client()
        for key in (f"some/where/{UPLOAD}/gen/a", "of-others/a"):
            client.create_multipart_upload(Bucket=in_bucket.name, Key=key)
        files.remove_unfinished(time.time() - 3600)  # the server says that all were begun in 2010
        assert in_bucket.unfinished() == ["of-others/a"]

    def test_a_copy_serves_while_the_bucket_is_away(self, make, in_bucket) -> None:
        files.publish(make(a=b"1"), UPLOAD)
        with files.local_copy(UPLOAD):
            pass
        for key in in_bucket.stored_keys():
            in_bucket.delete(key)
        with files.local_copy(UPLOAD) as folder:
            assert (folder / "a").read_bytes() == b"1"

    def test_a_fetch_can_be_ended_and_leaves_no_part(self, make) -> None:
        files.publish(make(large=LARGE), UPLOAD)
        with pytest.raises(Stop), files.local_copy(UPLOAD, check=stop):
            pass
        with files.local_copy(UPLOAD, "nothing") as folder:
            assert not list(folder.iterdir())
