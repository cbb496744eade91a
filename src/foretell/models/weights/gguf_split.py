"""GGUF files in parts, as llama.cpp's gguf-split names them: NAME-00001-of-00003.gguf, with all metadata in the first."""

from __future__ import annotations

import re
from pathlib import Path

from foretell.models.weights.checkpoint import DamagedFileError

_PART = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")


def gguf_parts(path: Path) -> list[Path]:
    """All parts of the file that `path` is a part of, by their names, in order; `path` alone where it is named otherwise.

    Raises `DamagedFileError`, naming the missing part, where one is not there.
    """
    found = _PART.fullmatch(path.name)
    if found is None:
        return [path]
    number, count = int(found["number"]), int(found["count"])
    if not 1 <= number <= count:
        raise DamagedFileError(path, f"the name says part {number} of {count}", "give it the name that it was made with")
    parts = [path.with_name(f"{found['stem']}-{each:05}-of-{count:05}.gguf") for each in range(1, count + 1)]
    for part in parts:
        if not part.is_file():
            raise DamagedFileError(path, f"this is part {number} of {count}, and {part.name} is not beside it", "download all parts")
    return parts


def check_part(path: Path, metadata: dict, number: int, count: int) -> None:
    """`DamagedFileError` where the metadata of part `number` (from 1) of `count` tell another place."""
    said = (metadata.get("split.no", 0), metadata.get("split.count", 1) or 1)
    if said == (number - 1, count) or (count == 1 and said[1] == 1):
        return
    place = f"part {said[0] + 1} of {said[1]}" if isinstance(said[0], int) else f"split.no={said[0]!r}"
    raise DamagedFileError(
        path, f"this is {place} by its metadata, but its name says otherwise", "give all parts the names they were made with"
    )
