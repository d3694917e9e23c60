"""The machine: its processor, and the memory and disk that a process may still take.

Limits of a container (control groups, Linux) are respected. Systems that do not say
something give None.
"""

import contextlib
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
# Of each version of control groups: folder, limit, use, and what of it can be dropped.
_V2 = "", "memory.max", "memory.current", "inactive_file"
_V1 = (
    "memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
)


def memory(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> tuple[int, int] | None:
    """Returns ``(all, available)`` bytes of main memory, None if unknown.

    Args:
        proc: of the system.
        cgroups: of the system.

    Returns:
        The machine's memory and what is available without swapping, or the container's
        where that is less.
    """
    total = _kibibytes(proc / "meminfo", "MemTotal")
    free = _kibibytes(proc / "meminfo", "MemAvailable")
    if total is None or free is None:
        return None
    for limit, left in _limits(proc, cgroups):
        total, free = min(total, limit), min(free, left)
    return total, free


def free_disk(folder: Path) -> int | None:
    """Returns the free bytes where ``folder`` is, or will be made; None if unknown."""
    folder = Path(folder).absolute()
    for part in (folder, *folder.parents):
        if part.exists():
            with contextlib.suppress(OSError):
                return shutil.disk_usage(part).free
            return None
    return None


def processor() -> str:
    """Returns the processor's name as the system gives it."""
    with contextlib.suppress(OSError):
        for line in (_PROC / "cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


def cores() -> tuple[int, int]:
    """Returns ``(all, usable)``: the machine's cores, and those of this process."""
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return count, len(os.sched_getaffinity(0))
    return count, count


def size(count: float) -> str:
    """Returns bytes as text: ``"950 MB"``, ``"4.20 GB"``."""
    if count < 999.5e6:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:#.3g}".rstrip(".") + " GB"


def _limits(proc, cgroups) -> Iterator[tuple[int, int]]:
    """Yields limit and rest of every control group that this process is in."""
    with contextlib.suppress(OSError):
        for line in (proc / "self" / "cgroup").read_text("utf-8").splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0":
                yield from _of_group(cgroups, path, *_V2)
            elif "memory" in controllers.split(","):
                yield from _of_group(cgroups, path, *_V1)


def _of_group(cgroups, path, folder, limit, use, droppable):
    top = cgroups / folder
    group = top / path.strip("/")
    # A container often sees its own group as the topmost one, whatever its path is.
    while True:
        with contextlib.suppress(OSError, ValueError):
            most = int((group / limit).read_text("utf-8"))  # "max" where there is none
            taken = int((group / use).read_text("utf-8"))
            stat = dict(
                line.split()
                for line in (group / "memory.stat").read_text("utf-8").splitlines()
            )
            yield most, max(0, most - taken + int(stat.get(droppable, 0)))
        if group == top:
            return
        group = group.parent


def _kibibytes(path, field):
    with contextlib.suppress(OSError):
        for line in path.read_text("utf-8").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return None
