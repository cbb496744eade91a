"""The folder of converted weights, tokenizers and measured cost curves: always rebuildable, never required.

Entries are single files, written to a temporary neighbour and moved into place, so that a reader sees a whole entry or none
and two processes may build the same one at once. A folder that cannot be written costs time, not work: one warning a process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foretell import arguments

#: Environment variable naming another folder.
VARIABLE = "FORETELL_CACHE"
_STALE_SECONDS = 24 * 3600
_warned = False


def cache_folder() -> Path:
    """Where entries live: `$FORETELL_CACHE`, or the platform's folder for caches. It need not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return arguments.path(VARIABLE, named)
    import platformdirs

    return Path(platformdirs.user_cache_dir("foretell", appauthor=False))


def entry(name: str) -> Path:
    """The path of the entry `name`, whether or not it exists."""
    return cache_folder() / name


def write_entry(name: str, writer: Callable[[Path], None]) -> Path | None:
    """Let `writer` fill a temporary file and move it to `entry(name)`; None (and one warning) if the folder refuses."""
    from safetensors import SafetensorError

    target = entry(name)
    temporary = target.with_name(f"{target.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        writer(temporary)
        os.replace(temporary, target)
        return target
    except (OSError, SafetensorError) as error:  # safetensors has an exception of its own for a full disk
        # Where another process holds the same entry open (Windows), it has just finished it: take theirs.
        _warn(target.parent, error)
        return target if isinstance(error, PermissionError) and target.exists() else None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def discard_entry(name: str) -> None:
    """Remove an entry found to be damaged; a folder that refuses is left as it is."""
    with contextlib.suppress(OSError):
        entry(name).unlink(missing_ok=True)


def write_json(name: str, value: Any) -> Path | None:
    """Store `value` (JSON types) with its digest."""
    text = json.dumps(value)
    whole = json.dumps({"digest": _digest(text), "value": text})
    return write_entry(name, lambda path: _write_text(path, whole))


def read_json(name: str) -> Any | None:
    """The value stored under `name`, or None where there is none; a damaged entry is removed and counts as none."""
    try:
        whole = json.loads(entry(name).read_text(encoding="utf-8"))
        if whole["digest"] == _digest(whole["value"]):
            return json.loads(whole["value"])
    except OSError:
        return None
    except (ValueError, KeyError, TypeError):
        pass
    discard_entry(name)
    return None


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _sweep(folder: Path) -> None:
    """Remove temporary files that a killed process left behind."""
    for path in folder.glob("*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()


def _warn(folder: Path, error: Exception) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"the cache folder {folder} cannot be written ({error}): work goes on without it, and loading stays slow; "
            f"free some space, or set {VARIABLE} to a writable folder",
            stacklevel=4,
        )
