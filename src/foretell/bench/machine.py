"""The machine and the versions that a report names."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

#: Programs whose version is reported where they are installed.
PACKAGES = ("torch", "transformers", "numpy", "numba", "llama-cpp-python", "openvino", "openvino-genai", "llguidance", "xgrammar")
_FEATURES = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "asimddp", "i8mm", "sve")


def describe_machine() -> dict[str, Any]:
    """The machine as it is now: "processor" and its "features", "cores" that this process may use, "memory_gib", "load" (processes ready to
    run, mean of the last minute, None where unknown), "system"."""
    info = _cpu_info()
    return {
        "processor": info.get("model name") or info.get("Model name") or platform.processor() or platform.machine(),
        "features": [name for name in _FEATURES if name in info.get("flags", info.get("Features", "")).split()],
        "cores": usable_processors(),
        "memory_gib": _memory_gib(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()}",
    }


def describe_versions() -> dict[str, str]:
    """Versions by name: of Foretell, Python, and of `PACKAGES` as far as they are installed."""
    from foretell import __version__

    versions = {"foretell": __version__, "python": ".".join(map(str, sys.version_info[:3]))}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def usable_processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_busy(load: float | None, cores: int) -> bool:
    """Whether other programs use the machine, so that speeds are too low and ratios less certain. load, cores: as in `describe_machine`."""
    return load is not None and load > 0.5 * cores


def _cpu_info() -> dict[str, str]:
    """The first processor's entry of /proc/cpuinfo; {} elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
