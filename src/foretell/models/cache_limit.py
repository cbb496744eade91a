"""How large the cache folder may become: when something large is written, what was not used for the longest time goes first."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from foretell.errors import UserError
from foretell.models.cache_entries import KINDS, cache_entries
from foretell.models.cache_folder import discard_entry, read_json, write_json

log = logging.getLogger(__name__)
#: Environment variable that sets the limit: 10GB, 500MB, or none.
VARIABLE = "FORETELL_CACHE_LIMIT"
#: The limit in bytes where nothing else is said.
DEFAULT = 20 * 10**9
_FILE = "limit.json"
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?B?)")


def cache_limit() -> tuple[int | None, str]:
    """The limit in bytes, None for no limit, and where it comes from: the variable, `foretell cache limit`, or the default."""
    named = os.environ.get(VARIABLE)
    if named:
        return read_size(VARIABLE, named), VARIABLE
    kept = read_json(_FILE)
    return (kept["bytes"], "foretell cache limit") if isinstance(kept, dict) and "bytes" in kept else (DEFAULT, "default")


def set_cache_limit(num_bytes: int | None) -> Path | None:
    """Keep a limit for this cache folder. Returns the file, None where the folder cannot be written."""
    return write_json(_FILE, {"bytes": num_bytes})


def reset_cache_limit() -> None:
    """Go back to the default limit."""
    discard_entry(_FILE)


def read_size(name: str, text: str) -> int | None:
    """A number of bytes, None for "none". name: of the argument, for the message. Raises UserError for other text.

    >>> read_size("limit", "1.5GB"), read_size("limit", "none")
    (1500000000, None)
    """
    if text.strip().lower() == "none":
        return None
    match = _SIZE.fullmatch(text.strip().upper())
    if match is None:
        raise UserError(f"{name}={text!r} is no size; write for example 10GB, 500MB or none")
    unit = match[2] if match[2].endswith("B") or not match[2] else f"{match[2]}B"
    return round(float(match[1]) * _UNITS[unit])


def show_size(num_bytes: int) -> str:
    """A number of bytes in words.

    >>> show_size(0), show_size(2_340), show_size(94_300_000), show_size(3_900_000_000)
    ('0 B', '2.3 kB', '94.3 MB', '3.9 GB')
    """
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if num_bytes >= size:
            return f"{num_bytes / size:.1f} {unit}"
    return f"{num_bytes} B"


def keep_limit(written: Path | None = None) -> int:
    """Remove entries that can be made again, the least recently used first, until the folder is within its limit. Returns the bytes that
    were freed. written: an entry that stays, because it is used now."""
    limit, _ = cache_limit()
    if limit is None:
        return 0
    entries = cache_entries()
    over, freed = sum(entry.num_bytes for entry in entries) - limit, 0
    for entry in sorted(entries, key=lambda entry: entry.used):
        if freed >= over:
            break
        if KINDS[entry.kind].can_go and entry.path != written and entry.remove():
            freed += entry.num_bytes
            log.info("cache: removed %s (%s) to stay within %s", entry.path.name, show_size(entry.num_bytes), show_size(limit))
    if over > freed:
        log.warning("the cache folder is %s over its limit of %s; see `foretell cache`", show_size(over - freed), show_size(limit))
    return freed
