"""The Dockerfile's steps work in order, and what they make starts."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.bin.dockerfile import REPOSITORY, instructions, stages


def may_mount():
    """Tell whether an overlay can be mounted in a namespace of its own."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    script = "d=$(mktemp -d) && mkdir $d/u $d/w $d/r && mount -t tmpfs none $d/u && mount -t overlay overlay"
    script += " -o lowerdir=/etc,upperdir=$d/u/u,workdir=$d/u/w $d/r"
    script = script.replace("&& mount -t overlay", "&& mkdir $d/u/u $d/u/w && mount -t overlay")
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_continued_lines_and_comments_are_read_as_docker_reads_them():
    text = "# syntax\nFROM python:3.12 AS base\nENV A=1 \\\n    B=2\n# why\nRUN a \\\n    && b\n"
    assert list(instructions(text)) == [("FROM", "python:3.12 AS base"), ("ENV", "A=1 B=2"), ("RUN", "a && b")]


def test_a_stage_begins_with_the_steps_of_the_one_it_is_made_from():
    found = stages("FROM python:3.12 AS base\nRUN a\nFROM base AS one\nRUN b\nFROM base AS two\nRUN c\n")
    assert found == {"base": [("RUN", "a")], "one": [("RUN", "a"), ("RUN", "b")], "two": [("RUN", "a"), ("RUN", "c")]}


@pytest.mark.skipif(not may_mount(), reason="only root with the right to mount can execute the steps")
def test_the_steps_work_in_order_and_the_web_server_starts_as_the_images_user():
    command = [sys.executable, "-m", "tests.bin.dockerfile"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert 'nnservice.programs web: {"alive": true}' in done.stdout
    assert "USER nnservice" in done.stdout
