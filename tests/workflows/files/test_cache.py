"""Copies of what a bucket holds: bounded, never taken from under a reader, fetched once."""

import fcntl
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.object_store import StoreBucket
from workflows import files
from workflows.files.cache import Cache
from workflows.files.listing import Listing, StoredFile

HOLD = """
import sys, time
from pathlib import Path
from workflows.files.cache import Cache
with Cache(Path(sys.argv[1]), 0).hold("uploads/1"):
    print("held", flush=True)
    time.sleep(600)
"""


def fill(cache: Cache, prefix: str, used: float, size: int = 1000) -> None:
    with cache.hold(prefix) as entry:
        (entry.content / "file").write_bytes(bytes(size))
    os.utime(entry.content.parent, (used, used))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache", 3000)
    for used, prefix in enumerate(("uploads/1", "runs/2/artifact-1", "uploads/3")):
        fill(cache, prefix, used=used + 1)
    return cache


def test_those_not_used_for_longest_go_when_room_is_needed(cache: Cache) -> None:
    cache.make_room(0)
    assert len(cache.prefixes()) == 3
    with cache.hold("uploads/1"):  # used just now
        pass
    cache.make_room(1500)
    assert cache.prefixes() == ["uploads/1"]


def test_what_is_in_use_stays_and_others_go(cache: Cache) -> None:
    with cache.hold("uploads/1") as entry, cache.hold("uploads/1"):
        os.utime(entry.content.parent, (0, 0))
        cache.make_room(1_000_000)
        cache.forget("uploads/1")
        assert (entry.content / "file").exists()
    assert cache.prefixes() == ["uploads/1"]
    cache.make_room(1_000_000)
    assert cache.prefixes() == []


def test_another_process_that_uses_a_copy_keeps_it_until_it_dies(cache: Cache, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "cache")]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "held\n"
        cache.make_room(1_000_000)
        assert cache.prefixes() == ["uploads/1"]
    finally:
        reader.send_signal(signal.SIGKILL)
        reader.wait()
    cache.make_room(1_000_000)
    assert cache.prefixes() == []


def test_forgetting_a_run_forgets_all_below_it(cache: Cache) -> None:
    cache.forget("runs/2")
    assert sorted(cache.prefixes()) == ["uploads/1", "uploads/3"]
    cache.forget("uploads/3")
    assert cache.prefixes() == ["uploads/1"]


def test_holding_and_removing_at_once_never_gives_a_copy_that_goes(cache: Cache) -> None:
    def use(_: int) -> bool:
        with cache.hold("uploads/1") as entry:
            (entry.content / "file").touch()
            return (entry.content / "file").exists()

    with ThreadPoolExecutor(16) as pool:
        removals = [pool.submit(cache.forget, "uploads/1") for _ in range(200)]
        assert all(pool.map(use, range(400)))
        for removal in removals:
            removal.result()


def test_who_waited_for_a_copy_that_is_gone_leaves_the_new_one_alone(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    with ExitStack() as held:

        def others_come_first(descriptor: int, operation: int) -> None:
            monkeypatch.setattr(fcntl, "flock", lock)
            cache.forget("uploads/1")
            held.enter_context(cache.hold("uploads/1"))
            lock(descriptor, operation)

        monkeypatch.setattr(fcntl, "flock", others_come_first)
        cache.forget("uploads/1")
        assert "uploads/1" in cache.prefixes()


def test_what_a_killed_process_had_begun_to_remove_is_removed(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "cache" / "uploads~1").rename(tmp_path / "cache" / ".part-1")
    cache.remove_rests()
    assert not (tmp_path / "cache" / ".part-1").exists()
    assert sorted(cache.prefixes()) == ["runs/2/artifact-1", "uploads/3"]


def test_a_listing_cut_short_counts_as_none(cache: Cache) -> None:
    with cache.hold("uploads/1") as entry:
        entry.keep(Listing(files={"a": StoredFile(key="k", size=1, sha256="0")}))
        assert entry.listing() is not None
        (entry.content.parent / "listing.json").write_text('{"format"')
        assert entry.listing() is None


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "", "a/../../b"])
def test_a_listing_cannot_lead_out_of_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="leads out of its folder"):
        Listing(files={name: StoredFile(key="k", size=1, sha256="0")})


def test_many_readers_fetch_a_file_once(in_bucket: StoreBucket, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "a").write_bytes(bytes(5_000_000))
    files.publish(work, "uploads/1")

    def inode(_: int) -> int:
        with files.local_copy("uploads/1") as folder:
            assert (folder / "a").stat().st_size == 5_000_000
            return (folder / "a").stat().st_ino

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(inode, range(8)))) == 1
