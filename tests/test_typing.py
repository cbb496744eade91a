"""Type checkers accept what README.md shows, and find wrong calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_readme import blocks

ROOT = Path(__file__).parents[1]
pytest.importorskip("mypy")
#: Large packages that say nothing about our calls are not read.
CONFIG = """
[mypy]
ignore_missing_imports = true
follow_imports = silent
no_implicit_reexport = true
[mypy-torch.*,numpy.*,transformers.*,scipy.*,sklearn.*,pandas.*,numba.*,rich.*,pydantic.*,jsonschema.*]
follow_imports = skip
"""
RIGHT = """
from pathlib import Path

import foretell as ft

model: ft.Model = ft.load()
one: ft.Result = ft.generate("x", max_new_tokens=3, stop=None)
chat: ft.Result = ft.generate([{"role": "user", "content": "x"}])
ids: ft.Result = ft.generate([1, 2])
path: ft.Result = ft.generate("x", Path("model.gguf"))
many: list[ft.Result] = ft.generate(["x", "y"])
chats: list[ft.Result] = ft.generate([[{"role": "user", "content": "x"}]])
tables: list[ft.Result] = ft.generate([[1, 2], [3]])
several: list[ft.Result] = ft.generate("x", n=2, temperature=1)
by_prompt: list[list[ft.Result]] = ft.generate(["x"], n=2)
for piece in ft.stream("x", logprobs=2):
    print(piece.logprobs)
for number, result in ft.generate_many(["a", {"prompt": "x", "top_k": 3}], max_batch=2, temperature=1):
    print(number + 1, result.text)


async def main() -> None:
    result: ft.Result = await ft.agenerate("x", timeout=2.0)
    results: list[ft.Result] = await ft.agenerate(["x"])
    async with ft.astream("x") as stream:
        async for piece in stream:
            print(piece.tokens)
        print(stream.result.text)
"""
#: Every line is an error.
WRONG = """
ft.generate("x", temprature=1.0)
ft.generate("x", max_new_tokens="many")
ft.generate("x", stop=5)
ft.generate(5)
ft.generate(["x"]).text
ft.generate("x")[0]
ft.generate("x", n=2).text
ft.stream("x", n=2)
ft.stream("x", retries=2)
ft.stream("x", temprature=2)
ft.stream(["x", "y"])
ft.stream("x").txt
ft.astream("x", max_batch=2)
ft.generate_many(["x"], retries=1)
ft.complete("x", max_tokens=3)
ft.extract("q", "p", topp=3)
ft.load("x", dtyp="int8")
ft.genrate("x")
ft.Session(ft.load(), 5)
"""


def test_type_checkers(tmp_path):
    files = {f"readme{number}.py": code for number, code in enumerate(blocks("python"))}
    files |= {"right.py": RIGHT, "wrong.py": f"import foretell as ft\n{WRONG.lstrip()}", "mypy.ini": CONFIG}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    names = [name for name in files if name.endswith(".py")]
    options = ["--config-file", "mypy.ini", "--cache-dir", "cache", "--hide-error-context", "--no-error-summary"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *names], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
    )  # fmt: skip
    errors = [line for line in checked.stdout.splitlines() if ": error: " in line]
    assert [line for line in errors if not line.startswith("wrong.py")] == []
    found = {int(line.split(":")[1]) for line in errors}
    lines = WRONG.strip().splitlines()
    assert [line for number, line in enumerate(lines, 2) if number not in found] == []
