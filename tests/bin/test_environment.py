"""The commands' virtual environment, in copies of bin/ whose requirement files give pip nothing to fetch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = "import os, sys; print(sys.executable, os.environ.get('NNSERVICE_HOME'), *sys.argv[1:])"


def copy_commands(root):
    shutil.copytree(REPOSITORY / "bin", root / "bin")
    (root / "nnservice").mkdir()
    (root / "nnservice" / "__main__.py").write_text(PROGRAM)
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt"):
        (root / name).write_text("# nothing\n")
    return root


@pytest.fixture
def copy(tmp_path):
    """A checkout whose environment has not been made."""
    return copy_commands(tmp_path / "a copy")


@pytest.fixture(scope="module")
def first_start(tmp_path_factory):
    """A checkout that was started once, and how that went."""
    root = copy_commands(tmp_path_factory.mktemp("started") / "a copy")
    return root, run(root, "run", "one", "two words")


@pytest.fixture
def started(first_start, tmp_path):
    """A checkout that was started once, to change at will."""
    return shutil.copytree(first_start[0], tmp_path / "started", symlinks=True)


def run(root, command="run", *arguments, cwd="/", **environment):
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHON", "NNSERVICE_HOME", "PYTHONPATH")}
    return subprocess.run(
        [str(root / "bin" / command), *arguments],
        cwd=cwd,
        env={**clean, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def interpreter(folder, name, *, says, exits):
    """Write a program that calls itself Python."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n[ \"$1\" = -V ] && echo '{says}' && exit 0\nexit {exits}\n")
    path.chmod(0o755)
    return path


def test_it_makes_the_environment_and_passes_arguments_on(first_start):
    root, answer = first_start
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == f"{root}/.venv/bin/python None one two words\n"
    assert "installing" in answer.stderr


def test_the_second_start_calls_no_pip(started):
    shutil.rmtree(next((started / ".venv" / "lib").glob("python*/site-packages/pip")))
    answer = run(started)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_changed_requirement_file_calls_pip_again(started):
    (started / "requirements.txt").write_text("no-such-package-of-nnservice @ file:///nowhere.whl\n")
    changed = run(started)
    assert changed.returncode == 1
    assert changed.stderr.splitlines()[-1].startswith("nnservice: pip could not install")


def test_an_interrupted_installation_is_not_taken_for_whole(started):
    (started / ".venv" / ".installing").touch()
    (started / ".venv" / "half-installed").touch()
    answer = run(started)
    assert answer.returncode == 0
    assert "installing" in answer.stderr
    assert not (started / ".venv" / "half-installed").exists()


def test_two_starts_at_once_mend_a_broken_environment_once(copy):
    (copy / ".venv" / "bin").mkdir(parents=True)
    (copy / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    starts = [
        subprocess.Popen(
            [copy / "bin" / "run"],
            env={**os.environ, "PYTHON": sys.executable},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [start.communicate(timeout=120) for start in starts]
    assert [start.returncode for start in starts] == [0, 0], answers
    if shutil.which("flock"):
        assert sum("installing" in stderr for _, stderr in answers) == 1


def test_the_tests_add_their_own_requirements(started):
    (started / ".venv" / ".stamp-requirements.txt").unlink()
    (started / "pytest.py").write_text(PROGRAM)
    assert run(started, "test", "-k", "x").stdout.endswith(" -k x\n")
    assert run(started, "run").stderr == "", "what bin/test installed is enough for bin/run"


def test_a_relative_state_folder_is_the_callers(started, tmp_path):
    assert run(started, cwd=tmp_path, NNSERVICE_HOME="state").stdout.rstrip().endswith(f" {tmp_path}/state")


def test_a_python_that_does_not_fit_is_one_clear_line(copy, tmp_path):
    wrong = interpreter(tmp_path / "fake", "python3.10", says="Python 3.10.13", exits=1)
    answer = run(copy, PYTHON=str(wrong))
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.splitlines() == [
        f"nnservice: Python 3.11, 3.12 or 3.13 is needed, but PYTHON={wrong} is Python 3.10.13"
    ]


def test_a_wrong_python_is_refused_although_the_environment_is_there(started, tmp_path):
    wrong = interpreter(tmp_path / "fake", "python3.14", says="Python 3.14.0", exits=1)
    assert run(started, PYTHON=str(wrong)).returncode == 1


def test_a_python_that_is_not_there_is_one_clear_line(copy):
    answer = run(copy, PYTHON="/nowhere/python")
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1


def test_no_fitting_python_on_the_path_is_one_clear_line(copy, tmp_path):
    tools = tmp_path / "tools"
    interpreter(tools, "python3", says="Python 3.9.18", exits=1)
    for name in ("bash", "env", "dirname", "head", "cat"):
        (tools / name).symlink_to(shutil.which(name))
    answer = run(copy, PYTHON="", PATH=str(tools))
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "python3 is Python 3.9.18" in answer.stderr


def test_the_first_fitting_python_of_the_path_is_taken(copy, tmp_path):
    tools = tmp_path / "tools"
    interpreter(tools, "python3.13", says="Python 3.10.0 under a wrong name", exits=1)
    (tools / "python3.12").symlink_to(sys.executable)
    found = subprocess.run(
        ["bash", "-c", 'source "$0/bin/environment.bash" && find_python', copy],
        env={**os.environ, "PYTHON": "", "PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "python3.12"
