"""The program around the verbs: help, errors, interruptions; nothing heavy is loaded where nothing computes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings

import pytest
import typer
from typer.testing import CliRunner

import foretell as ft
from foretell.cli.common.app import make_app
from foretell.cli.common.program import VerbGroup
from foretell.errors import MissingPackageError, UserError
from tests.cli.conftest import ENDS

RUN = [sys.executable, "-c", "from foretell.cli import main; main()"]


def test_help_names_every_verb(foretell):
    result = foretell("--help")
    assert result.exit_code == 0
    for verb in ("generate", "list", "show"):
        assert verb in result.stdout
        assert foretell(verb, "--help").exit_code == 0


def test_version(foretell):
    assert foretell("--version").stdout == f"foretell {ft.__version__}\n"


def test_it_runs_as_a_module():
    run = subprocess.run([sys.executable, "-m", "foretell", "--version"], capture_output=True, text=True, timeout=60)
    assert run.stdout == f"foretell {ft.__version__}\n"


def test_misspelt_verbs_and_options_get_the_nearest_name(foretell):
    verb, option = foretell("generat", "x"), foretell("generate", "x", "--temprature", "1")
    assert (verb.exit_code, option.exit_code) == (2, 2)
    assert "Did you mean 'generate'" in verb.stderr
    assert "--temperature" in option.stderr


def test_listing_and_help_import_nothing_heavy(home):
    code = (
        "import sys; from foretell.cli.common.app import make_app; make_app()(['list'], standalone_mode=False); print(sorted(sys.modules))"
    )
    heavy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    for module in ("torch", "numpy", "transformers", "numba"):
        assert f"'{module}'" not in heavy


def failing(error: BaseException):
    """A program with one verb that fails so."""
    app = typer.Typer(cls=VerbGroup, pretty_exceptions_enable=False)
    app.callback()(lambda: None)

    @app.command()
    def fail() -> None:
        warnings.warn("beware", stacklevel=1)
        raise error

    return lambda *args: CliRunner().invoke(app, ["fail", *args])


def test_errors_end_in_one_line():
    mistake = failing(UserError("x=1 must\nbe 2"))()
    assert (mistake.exit_code, mistake.stderr) == (2, "warning: beware\nerror: x=1 must be 2\n")
    missing = failing(FileNotFoundError(2, "No such file or directory", "a.txt"))()
    assert (missing.exit_code, missing.stderr.splitlines()[-1]) == (2, "error: a.txt: No such file or directory")
    memory = failing(MemoryError())()
    assert (memory.exit_code, "error: out of memory; take a smaller model" in memory.stderr) == (2, True)
    package = failing(MissingPackageError("install it: pip install it"))()
    assert (package.exit_code, package.stderr.splitlines()[-1]) == (2, "error: install it: pip install it")
    assert failing(KeyboardInterrupt())().exit_code == 130


@pytest.mark.parametrize("error", [KeyError("k"), ValueError("no user wrote this"), TypeError("nor this"), ImportError("or that")])
def test_any_other_error_is_a_bug_and_its_report_is_named(error, cache, monkeypatch):
    monkeypatch.setenv("FORETELL_CACHE", str(cache))
    bug = failing(error)()
    report = cache / "last-fault.txt"
    assert bug.exit_code == 1
    assert f"error: {type(error).__name__}: {error} (this is a bug of Foretell's, not your mistake" in bug.stderr
    assert str(report) in bug.stderr
    written = report.read_text(encoding="utf-8")
    assert f"foretell {ft.__version__}, Python " in written
    assert "command: foretell" in written
    assert "in fail\n" in written
    assert type(error).__name__ in written


def test_a_report_that_cannot_be_written_is_not_named(tmp_path, monkeypatch):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "a file" / "no folder"))
    bug = failing(KeyError("k"))()
    assert (bug.exit_code, "please report it with what --debug shows" in bug.stderr) == (1, True)


@pytest.mark.filterwarnings("ignore:beware")
def test_debug_lets_the_traceback_through(monkeypatch):
    assert isinstance(failing(UserError("x"))("--debug").exception, UserError)
    monkeypatch.setenv("FORETELL_DEBUG", "1")
    assert isinstance(failing(KeyError("x"))().exception, KeyError)


@pytest.fixture
def endless(tiny, home):
    """A process that writes for many seconds."""
    never = [word for end in ENDS for word in ("--logit-bias", f"{end}=-inf")]
    args = ["generate", "abc", "--model", str(tiny), "--dtype", "bf16", "-n", "4000", "--recipe", "plain", *never]
    process = subprocess.Popen([*RUN, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUTF8": "1"})
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_keeps_what_was_written(endless):
    begun = endless.stdout.read(1)
    endless.send_signal(signal.SIGINT)
    rest, errors = endless.communicate(timeout=30)
    assert endless.returncode == 130
    assert begun
    assert rest.endswith(b"\n")
    assert b"interrupted after" in errors
    assert b"Traceback" not in errors


def test_a_reader_that_leaves_is_no_error(endless):
    endless.stdout.read(1)
    endless.stdout.close()
    errors = endless.stderr.read()
    assert endless.wait(timeout=30) == 141
    assert errors == b""


def test_list_of_every_kind_is_json(foretell):
    assert {entry["kind"] for entry in json.loads(foretell("list", "--json").stdout)} >= {"drafter", "verifier", "pace", "sampler"}
    assert make_app().info.name == "foretell"
