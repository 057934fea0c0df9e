import hashlib
import json

import numpy as np
import pytest

from algorithms.artifacts import library_versions, verify_artifact, write_artifact
from algorithms.errors import ArtifactCorrupt, ArtifactIncompatible


@pytest.fixture
def artifact(tmp_path):
    with write_artifact(tmp_path / "artifact") as folder:
        (folder / "a.txt").write_text("alpha")
        (folder / "b.bin").write_bytes(b"\x00\x01")
    return tmp_path / "artifact"


def change(folder, **fields):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **fields}))


def test_the_manifest_has_every_digest_and_the_library_versions(artifact):
    manifest = verify_artifact(artifact)
    assert manifest["files"] == {
        "a.txt": hashlib.sha256(b"alpha").hexdigest(),
        "b.bin": hashlib.sha256(b"\x00\x01").hexdigest(),
    }
    assert manifest["libraries"]["numpy"] == np.__version__
    assert manifest["libraries"] == library_versions()


def test_checking_a_large_file_can_be_ended_at_any_time(tmp_path):
    with write_artifact(tmp_path / "artifact") as folder:
        (folder / "large").write_bytes(bytes(5_000_000))
    calls = []

    def check():
        calls.append(None)
        if len(calls) == 3:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        verify_artifact(tmp_path / "artifact", check=check)


def test_nothing_but_the_artifact_is_left(artifact):
    assert [path.name for path in artifact.parent.iterdir()] == ["artifact"]


def test_the_folder_does_not_exist_before_it_is_complete(tmp_path):
    with write_artifact(tmp_path / "artifact") as folder:
        (folder / "a.txt").write_text("alpha")
        assert not (tmp_path / "artifact").exists()
    assert (tmp_path / "artifact" / "a.txt").read_text() == "alpha"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_nothing(tmp_path, error):
    def write_and_fail():
        with write_artifact(tmp_path / "artifact") as folder:
            (folder / "a.txt").write_text("alpha")
            raise error

    with pytest.raises(error):
        write_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_the_leftovers_of_a_killed_process_do_not_get_in(tmp_path):
    (tmp_path / "artifact.part").mkdir()
    (tmp_path / "artifact.part" / "old.txt").write_text("old")
    with write_artifact(tmp_path / "artifact") as folder:
        (folder / "a.txt").write_text("alpha")
    assert sorted(path.name for path in (tmp_path / "artifact").iterdir()) == ["a.txt", "manifest.json"]


def test_an_artifact_is_never_overwritten(artifact):
    with pytest.raises(FileExistsError, match="never overwritten"), write_artifact(artifact):
        pytest.fail("the block must not run")
    assert (artifact / "a.txt").read_text() == "alpha"


def test_a_changed_file_is_corrupt(artifact):
    (artifact / "a.txt").write_text("alpha!")
    with pytest.raises(ArtifactCorrupt, match=r"a\.txt .* is not the file that was written"):
        verify_artifact(artifact)


def test_a_missing_file_is_corrupt(artifact):
    (artifact / "b.bin").unlink()
    with pytest.raises(ArtifactCorrupt, match=r"b\.bin .* cannot be read"):
        verify_artifact(artifact)


def test_only_the_named_files_are_checked_on_request(artifact):
    (artifact / "b.bin").unlink()
    assert verify_artifact(artifact, ["a.txt"])["format"] == 1
    with pytest.raises(ArtifactCorrupt, match=r"does not list c\.txt"):
        verify_artifact(artifact, ["c.txt"])


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": 1, "files": 3}'])
def test_a_broken_manifest_is_corrupt(artifact, text):
    (artifact / "manifest.json").write_text(text)
    with pytest.raises(ArtifactCorrupt, match="manifest of artifact artifact cannot be read"):
        verify_artifact(artifact)


def test_a_folder_without_a_manifest_is_corrupt(tmp_path):
    with pytest.raises(ArtifactCorrupt, match="manifest"):
        verify_artifact(tmp_path)


def test_the_format_of_another_release_is_incompatible(artifact):
    change(artifact, format=2)
    with pytest.raises(ArtifactIncompatible, match=r"has format 2, this release reads format 1: train the model again"):
        verify_artifact(artifact)
