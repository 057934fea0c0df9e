"""Real processes that take memory, and the guard that ends them."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.test import override_settings

from workflows.execution import memory
from workflows.execution.memory import MemoryGuard, MemoryLimit

MB = 1_000_000
PLENTY = MemoryLimit(10**15, setting="NNSERVICE_TRAINING_MEMORY_MB", remedy="use fewer rows")
ENOUGH_FOR_PYTHON = 60 * MB


@pytest.fixture
def watched() -> Iterator[Callable[[int, MemoryLimit], tuple[subprocess.Popen[bytes], MemoryGuard]]]:
    """Give a function that starts a process which takes so many bytes, and waits; and its guard."""
    started: list[tuple[subprocess.Popen[bytes], MemoryGuard]] = []

    def start(size: int, limit: MemoryLimit) -> tuple[subprocess.Popen[bytes], MemoryGuard]:
        program = f"taken = b'x' * {size}; print(flush=True); input()"
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        guard = MemoryGuard(process.pid, limit)
        guard.start()
        started.append((process, guard))
        return process, guard

    yield start
    for process, guard in started:
        guard.stop()
        process.communicate()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_beyond_its_limit_is_ended_and_the_limit_and_what_helps_are_named(watched) -> None:
    process, guard = watched(200 * MB, MemoryLimit(100 * MB, PLENTY.setting, PLENTY.remedy))
    assert process.wait(20) == -9
    guard.join(5)
    assert "the limit is 100 MB (NNSERVICE_TRAINING_MEMORY_MB); use fewer rows" in guard.reason


def test_what_the_descendants_take_counts_too(watched, tmp_path: Path) -> None:
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', \"x = b'x' * {200 * MB}; input()\"])"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, start_new_session=True)
    guard = MemoryGuard(process.pid, MemoryLimit(100 * MB, PLENTY.setting, PLENTY.remedy))
    guard.start()
    assert process.wait(20) == -9
    process.communicate()


def test_a_process_within_its_limit_is_left_alone(watched) -> None:
    process, guard = watched(10 * MB, PLENTY)
    process.communicate(b"\n", timeout=20)
    assert process.returncode == 0
    assert guard.reason is None


def test_of_several_processes_only_the_largest_is_ended_when_the_machine_runs_short(
    watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, small_guard = watched(100 * MB, PLENTY)
    large, large_guard = watched(300 * MB, PLENTY)
    for process in (small, large):
        process.stdout.readline()
    until(lambda: len(MemoryGuard._used) == 2 and min(MemoryGuard._used.values()) > 90 * MB)
    with override_settings(MEMORY_RESERVE=ENOUGH_FOR_PYTHON):
        # The machine cannot be filled for a test: while the large one lives, there is too little.
        held = psutil.Process(large.pid)  # Popen.poll says None while another thread waits for the process
        monkeypatch.setattr(memory, "available_memory", lambda: 5 * MB if memory._held(held) else 10**15)
        assert large.wait(20) == -9
        large_guard.join(5)
    assert small.poll() is None
    assert small_guard.reason is None
    assert "before the machine swaps: 5 MB of " in large_guard.reason
    assert (
        "60 MB are kept free (NNSERVICE_MEMORY_RESERVE_MB); use fewer rows, or run less at once" in large_guard.reason
    )


def test_a_small_process_is_not_ended_for_what_others_take(watched, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(memory, "available_memory", lambda: asked.append(1) or 0)
    with override_settings(MEMORY_RESERVE=ENOUGH_FOR_PYTHON):
        process, guard = watched(1, PLENTY)
        process.stdout.readline()
        until(lambda: process.pid in MemoryGuard._used)
        process.communicate(b"\n", timeout=20)
    assert process.returncode == 0
    assert guard.reason is None
    assert asked == []


def test_should_memory_run_out_all_the_same_the_kernel_ends_the_child_first(watched) -> None:
    process, _ = watched(1, PLENTY)
    score = Path(f"/proc/{process.pid}/oom_score_adj")
    until(lambda: score.read_text().strip() == "1000")
