"""What the operating system says of this machine's processor and memory."""

import math
import os
import platform
import re
import sys
from pathlib import Path

CPU_FOLDER = Path("/sys/devices/system/cpu")
CPU_INFO = Path("/proc/cpuinfo")


def processor_name() -> str:
    """The processor's name in letters, digits and underscores: a file name for it."""
    match = re.search(r"model name\s*:\s*(.+)", CPU_INFO.read_text()) if CPU_INFO.is_file() else None
    name = match[1] if match else platform.processor() or platform.machine()
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"\((?:r|tm)\)|@.*", "", name.lower())).strip("_") or "cpu"


def logical_cores() -> int:
    """Cores that this process may run on, each thread of one core counted."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def physical_cores() -> int:
    """Cores that this process may run on, threads of one core counted once; logical ones where that is not told."""
    if not hasattr(os, "sched_getaffinity"):
        return logical_cores()
    usable = os.sched_getaffinity(0)
    siblings = [CPU_FOLDER / f"cpu{i}" / "topology" / "thread_siblings_list" for i in sorted(usable)]
    if not all(path.is_file() for path in siblings):
        return len(usable)
    return len({path.read_text().strip() for path in siblings})


def memory_bytes() -> float:
    """Physical memory; OSError where the system does not tell it."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        raise OSError(f"{sys.platform} does not tell its memory size: write the CPU's TOML file by hand")
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def last_cache_bytes() -> float:
    """Size of the last-level cache that the first core sees; nan where it is not told."""
    sizes = [path.read_text().strip() for path in sorted((CPU_FOLDER / "cpu0" / "cache").glob("index*/size"))]
    units = {"K": 2.0**10, "M": 2.0**20, "G": 2.0**30}
    read = [float(size[:-1]) * units[size[-1]] for size in sizes if size[-1:] in units]
    return max(read, default=math.nan)
