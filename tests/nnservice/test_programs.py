"""What the programs of an installation find when they start."""

import os
import time
from pathlib import Path

from nnservice.programs import FORGOTTEN_SECONDS, metrics_folder


def test_the_web_processes_of_a_host_begin_to_count_anew_and_former_hosts_are_forgotten(tmp_path: Path) -> None:
    own = metrics_folder(tmp_path)
    (own / "counter_1.db").touch()
    former, other = own.parent / "former", own.parent / "other"
    for folder in (former, other):
        folder.mkdir()
        (folder / "counter_1.db").touch()
    long_ago = time.time() - FORGOTTEN_SECONDS - 60
    for path in (former, former / "counter_1.db", other):
        os.utime(path, (long_ago, long_ago))
    assert metrics_folder(tmp_path) == own
    assert list(own.iterdir()) == []
    assert sorted(path.name for path in own.parent.iterdir()) == sorted([own.name, "other"])
