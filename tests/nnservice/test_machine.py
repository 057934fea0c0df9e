import psutil
import pytest

from nnservice import machine

GB = 1_000_000_000


@pytest.fixture
def control_groups(tmp_path, monkeypatch):
    """Give a function that writes the membership of this process and the files of its groups."""

    def write(membership, files):
        (tmp_path / "membership").write_text(membership)
        for name, content in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    monkeypatch.setattr(machine, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "groups")
    machine._groups.cache_clear()
    yield write
    machine._groups.cache_clear()


def test_without_control_groups_it_is_the_memory_of_the_machine(control_groups):
    assert machine.total_memory() == psutil.virtual_memory().total
    assert 0 < machine.available_memory() < machine.total_memory()


def test_the_smallest_limit_on_the_way_up_counts(control_groups):
    files = {
        "memory.max": "max\n",
        "pods/memory.max": f"{GB // 100}\n",
        "pods/memory.current": f"{GB // 125}\n",
        "pods/memory.stat": "anon 7000000\nactive_file 500000\ninactive_file 300000\nslab_reclaimable 200000\n",
        "pods/one/memory.max": "max\n",
    }
    control_groups("0::/pods/one\n", files)
    assert machine.total_memory() == 10_000_000
    assert machine.available_memory() == 10_000_000 - 8_000_000 + 1_000_000, "file pages and caches can be taken back"


def test_the_first_version_of_control_groups_is_read_too(control_groups):
    files = {
        "memory/docker/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/docker/box/memory.limit_in_bytes": "10000000\n",
        "memory/docker/box/memory.usage_in_bytes": "9000000\n",
        "memory/docker/box/memory.stat": "cache 5\ntotal_active_file 2000000\ntotal_inactive_file 1000000\n",
    }
    control_groups("5:devices:/\n4:memory:/docker/box\n0::/\n", files)
    assert machine.total_memory() == 10_000_000
    assert machine.available_memory() == 4_000_000


def test_a_container_that_sees_its_own_group_as_the_root_is_limited_by_it(control_groups):
    files = {
        "memory/memory.limit_in_bytes": "10000000\n",
        "memory/memory.usage_in_bytes": "11000000\n",
        "memory/memory.stat": "total_inactive_file 0\n",
    }
    control_groups("4:memory:/docker/of-the-host\n", files)
    assert machine.total_memory() == 10_000_000
    assert machine.available_memory() == 0


@pytest.mark.parametrize(
    ("membership", "files", "kills"),
    [
        ("0::/pod\n", {"pod/memory.max": "max\n", "pod/memory.events": "low 0\noom 3\noom_kill 2\n"}, 2),
        (
            "4:memory:/box\n",
            {"memory/box/memory.limit_in_bytes": "1\n", "memory/box/memory.oom_control": "under_oom 0\noom_kill 1\n"},
            1,
        ),
    ],
)
def test_processes_ended_for_want_of_memory_are_those_of_the_own_group(control_groups, membership, files, kills):
    control_groups(membership, files)
    assert machine.oom_kills() == kills


def test_without_a_group_that_counts_they_are_those_of_the_machine(control_groups, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "VMSTAT", tmp_path / "vmstat")
    assert machine.oom_kills() == 0
    (tmp_path / "vmstat").write_text("nr_free_pages 7\noom_kill 5\n")
    assert machine.oom_kills() == 5
