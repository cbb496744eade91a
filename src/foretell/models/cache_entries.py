"""What is in the cache folder: each entry's kind, the model that it belongs to, its size and when it was last used."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from foretell.files import SUFFIX
from foretell.models.cache_folder import KERNELS, LIBRARIES, MODELS, cache_folder, entry, read_json, write_json

_DIGEST = re.compile(r"(?:^|-)([0-9a-f]{24})(?:-|$)")
_HUB = re.compile(r"models--([^/]+?)--([^/]+)/snapshots")


@dataclass(frozen=True)
class CacheKind:
    """A kind of entries. what: in words. pattern: of their paths below the folder; a folder that matches is one entry. can_go: whether
    `cache_limit` may remove them, because they are large and made again unasked."""

    what: str
    pattern: str
    can_go: bool = False


#: All kinds, by name. Files of other names in the folder are not ours.
KINDS = {
    "weights": CacheKind("packed weights", "weights-*.safetensors", True),
    "kernels": CacheKind("compiled kernels", KERNELS, True),
    "curves": CacheKind("cost curve", "curves/*.json"),
    "tokenizers": CacheKind("converted tokenizer", "text-*.json"),
    "ngrams": CacheKind("n-gram table of `complete --learn`", "ngrams-*.safetensors"),
    "models": CacheKind("installed model", f"{MODELS}/*"),
    "jedi": CacheKind("modules parsed by jedi", "jedi", True),
    "plots": CacheKind("matplotlib's list of fonts", LIBRARIES["MPLCONFIGDIR"], True),
    "torch": CacheKind("code compiled by torch", LIBRARIES["TORCHINDUCTOR_CACHE_DIR"], True),
    "names": CacheKind("name of a model", "names/*.json"),
    "faults": CacheKind("report of the last fault", "last-fault.txt"),
    "partial": CacheKind("left by a process that was killed", f"**/.*{SUFFIX}"),
}


@dataclass(frozen=True)
class CacheEntry:
    """One file or folder of the cache. used: seconds since 1970. model: what its model was loaded from, None where it is unknown or
    belongs to none."""

    kind: str
    path: Path
    num_bytes: int
    used: float
    model: str | None = None

    def remove(self) -> bool:
        """Remove it; False where the folder refuses or another process was faster."""
        try:
            shutil.rmtree(self.path) if self.path.is_dir() else self.path.unlink()
        except OSError:
            return False
        return True


def cache_entries() -> list[CacheEntry]:
    """All entries, by kind, the last used first."""
    folder = cache_folder()
    names = {path.stem: _source(path.stem) for path in folder.glob("names/*.json")}
    found = []
    for name, kind in KINDS.items():
        each = [entry_at(path, name, names) for path in folder.glob(kind.pattern)]
        found += sorted(filter(None, each), key=lambda entry: -entry.used)
    return found


def entry_at(path: Path, kind: str, names: dict[str, str | None] | None = None) -> CacheEntry | None:
    """The entry of a file or folder; None where it has just gone. names: sources of models by digest; None reads the one it needs."""
    try:
        files = [each.stat() for each in _files(path)]
        used = max((each.st_mtime for each in files), default=path.stat().st_mtime)
    except OSError:
        return None
    digest = _DIGEST.search(path.stem)
    model = None if digest is None else (names or {}).get(digest[1]) or (_source(digest[1]) if names is None else None) or digest[1]
    if kind == "models":
        model = path.name
    return CacheEntry(kind, path, sum(each.st_size for each in files), used, model)


def _files(path: Path) -> Iterator[Path]:
    return (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else iter([path])


def remember_source(fingerprint: str, source: Path) -> None:
    """Keep in the cache folder where the model of entries with this fingerprint was loaded from, so that `foretell cache` can say so."""
    digest = _DIGEST.search(fingerprint)
    if digest is not None and not entry(name := f"names/{digest[1]}.json").is_file():
        write_json(name, {"source": str(source)}, warn=False)


def _source(digest: str) -> str | None:
    """What the model of this digest was loaded from: a hub id, the name of a file, or the last two names of a folder."""
    with suppress(TypeError, KeyError):
        source = Path((read_json(f"names/{digest}.json") or {})["source"])
        hub = _HUB.search(source.as_posix())
        return f"{hub[1]}/{hub[2]}" if hub else source.name if source.suffix == ".gguf" else "/".join(source.parts[-2:])
    return None
