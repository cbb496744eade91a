"""The folder of converted weights, tokenizers and measured cost curves: always rebuildable, never required.

Entries are single files, each replaced as a whole (`foretell.files`), so that a reader sees a whole entry or none and two processes
may build the same one at once. A folder that cannot be written costs time, not work: one warning a process. Reading an entry sets its
time of change, which is how `foretell cache` knows when it was last used. What is in the folder: `cache_entries`; how large it may
become: `cache_limit`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foretell import arguments
from foretell.files import FileWriteError, atomic_path

#: Environment variable naming another folder.
VARIABLE = "FORETELL_CACHE"
#: Folders in it: of compiled code, and of models that `foretell model install` fetched.
KERNELS, MODELS = "kernels", "models"
#: Folders in it for files of libraries, by the variables that tell the libraries so; the program sets those that are not set.
LIBRARIES = {"MPLCONFIGDIR": "matplotlib", "TORCHINDUCTOR_CACHE_DIR": "torch"}
_warned = False


def cache_folder() -> Path:
    """Where entries live: `$FORETELL_CACHE`, or the platform's folder for caches. It need not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return arguments.path(VARIABLE, named)
    import platformdirs

    return arguments.platform_folder(VARIABLE, platformdirs.user_cache_dir)


def lead_libraries() -> None:
    """Let libraries write their files into the cache folder, unless their own variables say where. For a program of ours: the variables
    hold for the whole process.

    Where nothing can be written, they are given a folder that exists: torch makes its folder while it is imported, and fails otherwise.
    """
    for variable, name in LIBRARIES.items():
        folder = cache_folder() / name
        above = next(each for each in (folder, *folder.parents, Path.cwd()) if each.exists())
        if above.is_dir():
            usable = os.access(above, os.W_OK) and not above.is_relative_to("/proc")  # where root may write, and nothing can be made
        else:
            above, usable = above.parent, False
        os.environ.setdefault(variable, str(folder if usable else above))


def entry(name: str) -> Path:
    """The path of the entry `name`, whether or not it exists."""
    return cache_folder() / name


def mark_used(path: Path) -> None:
    """Note that an entry was used now; a folder that refuses is left as it is."""
    with contextlib.suppress(OSError):
        os.utime(path)


def write_entry(name: str, writer: Callable[[Path], Any], warn: bool = True) -> Path | None:
    """Let `writer` fill a temporary file and move it to `entry(name)`; None (and one warning, if `warn`) if the folder refuses."""
    target = entry(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target, durable=False) as temporary:
            writer(temporary)
        return target
    except (OSError, FileWriteError) as error:
        reason = error.__cause__ or error
        if warn:
            _warn(target.parent, reason)
        # Where another process holds the same entry open (Windows), it has just finished it: take theirs.
        return target if isinstance(reason, PermissionError) and target.exists() else None


def discard_entry(name: str) -> None:
    """Remove an entry found to be damaged; a folder that refuses is left as it is."""
    with contextlib.suppress(OSError):
        entry(name).unlink(missing_ok=True)


def write_json(name: str, value: Any, warn: bool = True) -> Path | None:
    """Store `value` (JSON types) with its digest; `warn` as in `write_entry`."""
    text = json.dumps(value)
    whole = json.dumps({"digest": _digest(text), "value": text})
    return write_entry(name, lambda path: path.write_text(whole, encoding="utf-8"), warn)


def read_json(name: str) -> Any | None:
    """The value stored under `name`, or None where there is none; a damaged entry is removed and counts as none."""
    try:
        whole = json.loads(entry(name).read_text(encoding="utf-8"))
        if whole["digest"] == _digest(whole["value"]):
            mark_used(entry(name))
            return json.loads(whole["value"])
    except OSError:
        return None
    except (ValueError, KeyError, TypeError):
        pass
    discard_entry(name)
    return None


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _warn(folder: Path, error: BaseException) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"the cache folder {folder} cannot be written ({error}): work goes on without it, and loading stays slow; "
            f"free some space, or set {VARIABLE} to a writable folder",
            stacklevel=4,
        )
