"""What `foretell cache` does: lists, clears and limits the files that Foretell keeps."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Sequence

import typer

from foretell.bench.tuning.tuned_recipe import config_folder
from foretell.errors import UserError
from foretell.models.cache_entries import KINDS, CacheEntry, cache_entries, entry_at
from foretell.models.cache_folder import cache_folder
from foretell.models.cache_limit import cache_limit, keep_limit, read_size, reset_cache_limit, set_cache_limit, show_size

RECIPES = "recipes"
#: Kinds of no interest to a user: they go with the last entry that they belong to, or with `--all`.
_QUIET = ("names", "faults", "partial")
_WORDS = {RECIPES: "tuned recipe", **{name: kind.what for name, kind in KINDS.items()}}
_SPANS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def stored(model: str | None = None) -> list[CacheEntry]:
    """All entries of the cache folder and all tuned recipes. model: only those of a model whose name contains this text."""
    recipes = [entry_at(path, RECIPES) for path in sorted((config_folder() / "recipes").glob("*.toml"))]
    entries = [*cache_entries(), *filter(None, recipes)]
    return [each for each in entries if model is None or (each.model and model.lower() in each.model.lower())]


def show(model: str | None, as_json: bool) -> None:
    """Print the folders, the limit, and a row for each entry."""
    entries = [each for each in stored(model) if each.kind not in _QUIET]
    limit, origin = cache_limit()
    if as_json:
        rows = [
            {"kind": each.kind, "model": each.model, "path": str(each.path), "bytes": each.num_bytes, "last_used": each.used}
            for each in entries
        ]
        folders = {"cache": str(cache_folder()), "recipes": str(config_folder() / "recipes")}
        typer.echo(json.dumps({**folders, "limit": limit, "limit_from": origin, "entries": rows}, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    total = sum(each.num_bytes for each in entries if each.kind != RECIPES)
    at_most = "no limit" if limit is None else f"at most {show_size(limit)}"
    console.print(Text(f"{cache_folder()}: {show_size(total)}, {at_most} ({origin})"), soft_wrap=True)
    if any(each.kind == RECIPES for each in entries):
        console.print(Text(f"{config_folder() / 'recipes'}: recipes of `foretell tune`"), soft_wrap=True)
    if not entries:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("kind", "model", "size", "last used"):
        table.add_column(column, justify="right" if column == "size" else "left", overflow="fold")
    now = time.time()
    for each in entries:
        table.add_row(*map(Text, (_kind(each), _model(each), show_size(each.num_bytes), ago(now - each.used))))
    console.print()
    console.print(table)


def clear(kinds: Sequence[str], everything: bool, older_than: str | None, model: str | None, yes: bool) -> None:
    """Remove entries of these kinds, after asking. Raises UserError where nothing is named, or where nobody can be asked."""
    if not (kinds or everything or older_than or model):
        raise UserError("name what to clear: --weights, --kernels, --curves, ..., --older-than 30d, or --all")
    if everything:
        wanted = {*KINDS, *kinds}
    else:
        wanted = set(kinds) or {name for name, kind in KINDS.items() if kind.can_go or name in ("curves", "tokenizers")}
    latest = math.inf if older_than is None else time.time() - seconds(older_than)
    entries = [each for each in stored(model) if each.kind in wanted and each.used <= latest]
    if not entries:
        typer.echo("nothing to clear")
        return
    size = show_size(sum(each.num_bytes for each in entries))
    what = f"{_counted(entries)}, {size}"
    if not yes:
        if not sys.stdin.isatty():
            raise UserError(f"this would remove {what}; add --yes to do so")
        typer.confirm(f"Remove {what}?", abort=True)
    left = [each for each in entries if not each.remove() and each.path.exists()]
    typer.echo(f"removed {_counted([each for each in entries if each not in left])}, {size}" if not left else f"{len(left)} could not go")
    if left:
        raise UserError(f"{left[0].path} cannot be removed; change the permissions of its folder")


def limit(text: str | None) -> None:
    """Set the limit, and keep to it at once. Raises UserError for other text, and where the folder cannot be written."""
    if text is None:
        raise UserError("SIZE is missing; write for example `foretell cache limit 10GB`")
    if text == "default":
        reset_cache_limit()
    elif set_cache_limit(read_size("size", text)) is None:
        raise UserError(f"{cache_folder()} cannot be written; set FORETELL_CACHE_LIMIT instead")
    keep_limit()


def seconds(text: str) -> float:
    """The seconds of a time such as 12h or 30d. Raises UserError for other text.

    >>> seconds("2d")
    172800.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", text.strip().lower())
    if match is None:
        raise UserError(f"--older-than {text!r} is no time; write for example 30m, 12h, 30d or 4w")
    return float(match[1]) * _SPANS[match[2]]


def ago(span: float) -> str:
    """A time ago in words.

    >>> ago(30), ago(7300), ago(100000), ago(400 * 86400)
    ('now', '2 hours ago', '1 day ago', '400 days ago')
    """
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if span >= size:
            number = int(span // size)
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "now"


def _kind(entry: CacheEntry) -> str:
    """The kind in words, with the data type of weights."""
    dtype = entry.path.name.split("-")[2] if entry.kind == "weights" else ""
    return f"{_WORDS[entry.kind]}{dtype and f', {dtype}'}"


def _model(entry: CacheEntry) -> str:
    """The model's name; of one that an earlier version loaded, the start of its digest."""
    unknown = entry.model is not None and re.fullmatch(r"[0-9a-f]{24}", entry.model)
    return f"unknown ({entry.model[:8]})" if unknown and entry.model else entry.model or ""


def _counted(entries: Sequence[CacheEntry]) -> str:
    return "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
