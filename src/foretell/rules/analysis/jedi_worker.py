"""The program of the process in which jedi runs, since jedi cannot be interrupted: a line of JSON in, a line of JSON out.

It imports nothing of this package, so that it starts quickly. The user's files stay as they are: parsed files are kept in the folder of
the first argument and nowhere else, no bytecode is written, and no module of the project is imported, which would run it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.machinery
import json
import os
import pickle
import signal
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: The end of the names of files that are being written, as in `foretell.files`, and the age in seconds from which they are left over.
SUFFIX, STALE_SECONDS = ".foretell-partial", 24 * 3600.0


def main() -> None:
    """Answer each {"project", "path", "text", "line", "column"} with {"names"} or {"error"}, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the input
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever imported extensions print is no answer
    import jedi

    sys.dont_write_bytecode = True
    use_cache(Path(sys.argv[1]))
    guard = ProjectGuard()
    sys.addaudithook(guard)
    environment = jedi.InterpreterEnvironment()
    jedi.Script("''.", environment=environment).complete()  # reads the built-in modules, which takes a second without jedi's cache

    @functools.cache
    def project(path: str) -> Any:
        guard.folders.append(os.path.realpath(path))
        return jedi.Project(path)

    print(json.dumps({"ready": jedi.__version__}), file=answers, flush=True)
    for line in sys.stdin:
        query = json.loads(line)
        try:
            folder = project(query["project"]) if query["project"] else None
            script = jedi.Script(query["text"], path=query["path"], environment=environment, project=folder)
            answer: dict[str, Any] = {"names": [each.name for each in script.complete(query["line"], query["column"])]}
        except Exception as error:  # errors of jedi; the monitor counts them
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class ProjectGuard:
    """Refuses imports of modules in these folders: jedi imports compiled modules, and with them the packages that they are in. It is an
    audit hook, not a finder, because jedi asks finders where the modules are that it reads."""

    def __init__(self) -> None:
        self.folders: list[str] = []

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """ImportError for a module of the project."""
        if event != "import" or not self.folders:
            return
        name = str(args[0])
        parent = sys.modules.get(name.rpartition(".")[0])
        spec = importlib.machinery.PathFinder.find_spec(name, getattr(parent, "__path__", None))
        places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
        for place in filter(None, places):
            if any(Path(os.path.realpath(place)).is_relative_to(folder) for folder in self.folders):
                raise ImportError(f"{name} is a module of the project, which is read and not run")


def use_cache(folder: Path) -> None:
    """Let jedi keep parsed files below this folder only, apart for each version of it and of its parser.

    A file is written beside its place and then renamed, since this process may be killed at any time. One that cannot be read is removed.
    Where the folder cannot be written, nothing is kept.
    """
    import jedi
    import parso.cache

    cache: Any = parso.cache
    place = folder / f"{jedi.__version__}-{parso.__version__}"
    jedi.settings.cache_directory, cache._default_cache_path = str(place), place
    remove_stale(place)
    cache._save_to_file_system = functools.partial(save, cache._get_hashed_path)
    cache._load_from_file_system = functools.partial(load, cache._get_hashed_path, cache._load_from_file_system)
    cache._remove_cache_and_update_lock = functools.partial(tidy, cache._remove_cache_and_update_lock)


def save(path_of: Callable[..., str], grammar: str, path: Any, item: Any, cache_path: Any = None) -> None:
    """Write a parsed file to its place in the cache; without effect where that is refused. path_of: finds its place."""
    with contextlib.suppress(OSError):
        target = Path(path_of(grammar, path, cache_path=cache_path))
        partial = target.with_name(f".{target.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}{SUFFIX}")
        try:
            with partial.open("wb") as file:
                pickle.dump(item, file, pickle.HIGHEST_PROTOCOL)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def load(path_of: Callable[..., str], read: Callable[..., Any], grammar: str, path: Any, changed: float, cache_path: Any = None) -> Any:
    """What `read` finds in the cache; None where there is nothing, or nothing readable, which is then removed."""
    try:
        return read(grammar, path, changed, cache_path=cache_path)
    except Exception:  # a damaged pickle may raise anything
        with contextlib.suppress(OSError):
            Path(path_of(grammar, path, cache_path=cache_path)).unlink(missing_ok=True)
        return None


def tidy(remove_old: Callable[..., Any], cache_path: Any = None) -> None:
    """Remove files that were not used for long, where the folder can be written."""
    with contextlib.suppress(OSError):
        remove_old(cache_path=cache_path)


def remove_stale(folder: Path) -> None:
    """Remove what processes that were killed had begun to write, a day ago or more."""
    for path in folder.glob(f"*/.*{SUFFIX}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()


if __name__ == "__main__":
    main()
