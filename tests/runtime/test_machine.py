"""What the machine has, from stand-ins of the system's files."""

from pathlib import Path

import pytest

from ccfpse_tf.runtime import machine

KIB = 1024
MEMINFO = "MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  800 kB\n"


@pytest.fixture
def system(tmp_path):
    """Folders like /proc and /sys/fs/cgroup, and a function that writes into them."""
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"

    def write(path, text):
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write("proc/meminfo", MEMINFO)
    return proc, groups, write


def test_without_container(system):
    proc, groups, write = system
    assert machine.memory(proc, groups) == (1000 * KIB, 800 * KIB)
    write("proc/self/cgroup", "0::/user.slice\n")
    write("cgroup/user.slice/memory.max", "max\n")
    assert machine.memory(proc, groups) == (1000 * KIB, 800 * KIB)


def test_the_limit_of_a_group_and_of_the_one_around_it(system):
    proc, groups, write = system
    write("proc/self/cgroup", "0::/pod/box\n")
    write("cgroup/pod/box/memory.max", "max\n")
    write("cgroup/pod/memory.max", f"{500 * KIB}\n")
    write("cgroup/pod/memory.current", f"{300 * KIB}\n")
    write("cgroup/pod/memory.stat", f"anon 1\ninactive_file {50 * KIB}\n")
    assert machine.memory(proc, groups) == (500 * KIB, 250 * KIB)


def test_a_container_that_sees_its_group_as_the_topmost(system):
    proc, groups, write = system
    write("proc/self/cgroup", "0::/docker/abc\n")
    write("cgroup/memory.max", f"{400 * KIB}\n")
    write("cgroup/memory.current", f"{500 * KIB}\n")
    write("cgroup/memory.stat", "inactive_file 0\n")
    assert machine.memory(proc, groups) == (400 * KIB, 0)


def test_the_first_version_of_control_groups(system):
    proc, groups, write = system
    write("proc/self/cgroup", "9:cpu,cpuacct:/\n4:memory:/box\n0::/\n")
    write("cgroup/memory/box/memory.limit_in_bytes", f"{600 * KIB}\n")
    write("cgroup/memory/box/memory.usage_in_bytes", f"{200 * KIB}\n")
    write("cgroup/memory/box/memory.stat", f"total_inactive_file {100 * KIB}\n")
    assert machine.memory(proc, groups) == (600 * KIB, 500 * KIB)


def test_a_system_that_says_nothing(tmp_path):
    assert machine.memory(tmp_path, tmp_path) is None


def test_the_disk_of_a_folder_that_is_not_there_yet(tmp_path):
    assert machine.free_disk(tmp_path / "a" / "b") > 0


def test_this_machine():
    every, usable = machine.cores()
    assert 1 <= usable <= every and machine.processor()
    if Path("/proc/meminfo").exists():
        total, free = machine.memory()
        assert 0 < free <= total


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 MB"), (999.4e6, "999 MB"), (4.2e9, "4.20 GB"), (123.4e9, "123 GB")],
)
def test_sizes(count, text):
    assert machine.size(count) == text
