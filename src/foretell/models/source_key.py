"""The key by which compiled functions on disk are known to be out of date."""

from __future__ import annotations

import zlib
from pathlib import Path


def source_key(beside: str, *modules: str) -> int:
    """A number that changes with the source of these modules in the folder of the file `beside`, or of that file where none is named:
    for closures of cached functions that call functions of other files.

    Numba's cache on disk looks at a function's own file and closure only, not at the files of what it calls.
    """
    files = [Path(beside).parent / f"{name}.py" for name in modules] or [Path(beside)]
    return zlib.crc32(b"".join(file.read_bytes() for file in files)) | 1 << 32
