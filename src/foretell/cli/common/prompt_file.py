"""`foretell generate --input`: a file of prompts in, a file of answers out, which may be interrupted and gone on with."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from foretell.cli.common.prepared_request import as_json_value, choose_recipe, with_texts
from foretell.cli.common.program import INTERRUPTED, say
from foretell.errors import UserError
from foretell.files import check_output_path, write_text
from foretell.json_files import as_object, parse_json
from foretell.progress import Progress, ReportProgress, progress_bar

if TYPE_CHECKING:
    from foretell.decoding.recipe import Recipe
    from foretell.models.base import Model
    from foretell.prompt_file import PromptLine
    from foretell.result import Result
    from foretell.rules.rule import Rule


@dataclass
class Answers:
    """The file of answers, a JSON object a line; None is standard output. done: what it has, by line of the prompts."""

    path: Path | None
    done: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path | None, source: Path, resume: bool, overwrite: bool) -> Answers:
        """The answers that are there, where they are to be kept. UserError for a file that is there and to be neither kept nor replaced."""
        check_output_path(path, "--output")
        if path is None or not path.exists():
            return cls(path)
        if path.resolve() == source.resolve():
            raise UserError(f"--output {path} is the file of --input; choose another one")
        if not (resume or overwrite):
            raise UserError(f"--output {path} exists; pass --resume to go on with it, --overwrite to replace it, or choose another name")
        return cls(path, _read_answers(path) if resume else {})

    def left(self, lines: Sequence[PromptLine]) -> list[PromptLine]:
        """The lines without an answer. UserError for an answer to another prompt than the line has now."""
        for line in lines:
            if line.line in self.done and self.done[line.line].get("input") != line.digest:
                raise UserError(
                    f"--resume: line {line.line} of --input is not the prompt that {self.path} answers there; "
                    "pass --overwrite to answer all again, or choose another --output"
                )
        return [line for line in lines if line.line not in self.done]

    @contextmanager
    def writer(self) -> Iterator[TextIO]:
        """Where further lines go; the file then begins with what is done, and has no part of a line that an interrupt left."""
        if self.path is None:
            yield typer.get_text_stream("stdout")
            return
        write_text(self.path, "".join(_line(record) for record in self.done.values()))
        with self.path.open("a", encoding="utf-8") as file:
            yield file

    def add(self, file: TextIO, record: dict[str, Any]) -> None:
        """Write a line, so that it is there whatever happens next."""
        self.done[record["line"]] = record
        file.write(_line(record))
        file.flush()

    def sort(self) -> None:
        """Put the lines into the order of the prompts."""
        if self.path is not None and list(self.done) != sorted(self.done):
            write_text(self.path, "".join(_line(self.done[line]) for line in sorted(self.done)))


def answer_lines(
    lines: Sequence[PromptLine], answers: Answers, model: Model, recipe: Recipe | None, system: str | None, options: Mapping[str, Any],
    rule: Rule | None, max_batch: int, quiet: bool,
) -> int:  # fmt: skip
    """Answer the lines that have no answer yet, and write each as it ends. Returns the exit code."""
    from foretell.many import run_many
    from foretell.prepare import random_seed

    left, began = answers.left(lines), time.perf_counter()
    chosen, _ = choose_recipe(model, recipe, True, options)
    asked = [line for line in left if line.error is None]
    # The seed belongs to the place in the file, whatever was answered before.
    seed = random_seed() if options["seed"] is None else options["seed"]
    place = {line.line: number for number, line in enumerate(lines)}
    items = [{"prompt": _prompt(line, system, model), "seed": seed + place[line.line], **line.options} for line in asked]
    num_failed, num_tokens = 0, 0
    with answers.writer() as file, progress_bar("generating", not quiet) as report:
        for line in left:
            if line.error is not None:
                answers.add(file, _failed(line, line.error))
                num_failed += 1
        _tell(report, answers, lines)
        shared = {**options, "seed": seed}
        try:
            with closing(run_many(items, model, chosen, shared, max_batch, rule)) as results:
                for number, result in results:
                    answers.add(file, _record(asked[number], result, model))
                    num_failed += not result.has_value
                    num_tokens += len(result.tokens)
                    _tell(report, answers, lines)
        except KeyboardInterrupt:
            remedy = "" if answers.path is None else "; go on with --resume"
            say(f"interrupted: {len(answers.done)} of {len(lines)} prompts are answered{remedy}", "yellow")
            return INTERRUPTED
    answers.sort()
    if not quiet:
        seconds = time.perf_counter() - began
        failed = f", {num_failed} of them without a value or with an error" if num_failed else ""
        say(f"{len(left)} answers{failed}; {num_tokens} tokens in {seconds:.1f} s, {num_tokens / seconds:.1f} a second; seed {seed}", "dim")
    return int(num_failed > 0)


def _tell(report: ReportProgress, answers: Answers, lines: Sequence[PromptLine]) -> None:
    report(Progress(len(answers.done) / len(lines), f"{len(answers.done)} of {len(lines)} prompts"))


def _prompt(line: PromptLine, system: str | None, model: Model) -> Any:
    if system is None or not isinstance(line.prompt, str | list):
        return line.prompt
    from foretell.models.instructions import with_instructions

    messages = [{"role": "user", "content": line.prompt}] if isinstance(line.prompt, str) else line.prompt
    return with_instructions(messages, system, model.tokenizer)


def _record(line: PromptLine, result: Result, model: Model) -> dict[str, Any]:
    if result.finish_reason == "error" and result.error is not None:
        return _failed(line, result.error)
    record = {
        "id": line.id, "line": line.line, "text": result.text, "finish_reason": result.finish_reason, "value": as_json_value(result.value),
        "unfinished": result.unfinished, "error": None if result.error is None else str(result.error), "num_tokens": len(result.tokens),
        "seed": result.seed, "input": line.digest,
    }  # fmt: skip
    if result.logprobs:
        record["logprobs"] = [with_texts(entry, model.tokenizer) for entry in result.logprobs]
    return record


def _failed(line: PromptLine, error: Exception) -> dict[str, Any]:
    return {"id": line.id, "line": line.line, "text": None, "finish_reason": "error", "error": str(error), "input": line.digest}


def _line(record: Mapping[str, Any]) -> str:
    # A value may be an object of the user's type; its text is beside it.
    return json.dumps(record, ensure_ascii=False, default=str).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029") + "\n"


def _read_answers(path: Path) -> dict[int, dict[str, Any]]:
    """The answers of a file, by line; a last line that an interrupt cut is left out."""
    done: dict[int, dict[str, Any]] = {}
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    for number, line in enumerate(text[: text.rfind("\n") + 1].split("\n"), 1):
        if line:
            place, remedy = f"{path}, line {number}", "remove the line, or choose another --output"
            record = as_object(parse_json(line, place, remedy), place, remedy)
            if not isinstance(record.get("line"), int):
                raise UserError(f"{path}: {line[:60]!r} is no answer, so there is nothing to go on with; choose another --output")
            done[record["line"]] = record
    return done
