"""What must work, and what must say which extra it needs, where the package was installed without extras. Run by `core_alone.py`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

#: Rooms that are of use with their extra only.
WITH_EXTRA = {"foretell.numbers": "numbers"}
#: By extra: command lines that need it. Extras without a command line of their own are named below.
NEEDS = {
    "schemas": [["generate", "x", "--model", "stdlib-nested", "--schema", '{"type": "object"}']],
    "monitors": [["generate", "x", "--model", "stdlib-nested", "--raw", "--constraint", "monitor"]],
    "numbers": [["fit", "table.csv", "--target", "y"], ["forecast", "table.csv", "--horizon", "2"], ["predict", "model", "table.csv"]],
    "reports": [["bench", "--model", "stdlib-nested", "--limit", "1", "--report", "page.html"]],
    "peers": [["bench", "--model", "stdlib-nested", "--limit", "1", "--peers", "llama-cpp"]],
}
#: Extras that no command needs, and why.
NOT_NEEDED = {
    "sktime": "an adapter in foretell.numbers, which needs the extra numbers first",
    "numbers-peers": "for benchmarks",
    "docs": "for the documentation",
    "dev": "for development",
}


def main(folder: str) -> None:
    os.environ.update(FORETELL_CACHE=f"{folder}/cache", FORETELL_CONFIG=f"{folder}/config")
    check_extras_are_missing()
    check_imports()
    check_decoding()
    check_program()
    check_install_commands()


def check_extras_are_missing() -> None:
    """Else the checks below would prove nothing."""
    extras = set(metadata.metadata("foretell").get_all("Provides-Extra") or ())
    assert extras == {*NEEDS, *NOT_NEEDED}, f"say in NEEDS or NOT_NEEDED what needs {sorted(extras ^ {*NEEDS, *NOT_NEEDED})}"
    present = [name for name in ("jsonschema", "jedi", "sklearn", "pandas", "matplotlib", "pytest") if importlib.util.find_spec(name)]
    assert not present, f"the core brings {present}, which are extras"


def check_imports() -> None:
    """Every module, but for the rooms that stand on an extra: they say which."""
    import foretell

    for name in foretell.__all__:
        assert getattr(foretell, name) is not None
    num = 0
    waiting = ["foretell"]
    while waiting:
        package = importlib.import_module(waiting.pop())
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if info.name in WITH_EXTRA:
                said = refusal(info.name)
                assert f"pip install 'foretell[{WITH_EXTRA[info.name]}]'" in said, f"importing {info.name} says {said!r}"
            elif info.ispkg:
                waiting.append(info.name)
            elif not info.name.endswith("__main__"):
                importlib.import_module(info.name)
                num += 1
    print(f"core alone: {num} modules imported")


def refusal(module: str) -> str:
    """What importing a module says that cannot be imported; nothing where it can."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return str(error)
    return ""


def check_decoding() -> None:
    """A tiny model, with drafts, writes what it writes without."""
    import foretell as ft
    from foretell.decoding.draws import SampledDraws
    from foretell.decoding.sampler import Sampler
    from foretell.models.tiny import TinyModel

    def text(recipe: str) -> list[int]:
        request = ft.Request([0, 1, 2, 0, 1], 40, Sampler(greedy=True), SampledDraws(0))
        for _ in ft.Session(TinyModel(vocab_size=8), ft.Recipe.parse(recipe)).run([request]):
            pass
        return request.generated

    assert text("plain") == text("prompt-lookup | token-recycling, pace=4")


def check_program() -> None:
    """The program lists, shows and writes."""
    for words in (["list"], ["show", "token-recycling"]):
        said = good(*words)
        assert "token-recycling" in said, f"`foretell {' '.join(words)}` says {said!r}"
    assert good("--version").startswith("foretell ")
    written = good("generate", "def add(a, b):", "--raw", "--model", "stdlib-nested", "--dtype", "fp32", "--max-new-tokens", "8")
    assert written.strip()


def check_install_commands() -> None:
    """What needs an extra is the user's to mend, and the message says how."""
    for extra, commands in NEEDS.items():
        for words in commands:
            ended = foretell(*words)
            wanted = f"pip install 'foretell[{extra}]'"
            assert ended.returncode == 2, f"{words} exited with {ended.returncode}, not 2: {ended.stderr}"
            assert wanted in ended.stderr, f"{words} does not say {wanted!r}: {ended.stderr}"


def foretell(*words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("foretell")
    return subprocess.run([str(program), *words], capture_output=True, text=True, timeout=300)


def good(*words: str) -> str:
    """What a command prints that must end well."""
    ended = foretell(*words)
    assert ended.returncode == 0, f"{words}: {ended.stderr}"
    return ended.stdout


if __name__ == "__main__":
    main(sys.argv[1])
