"""A bench's measurements one by one, as a file for other programs: a line for each recipe, prompt and repeat."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foretell.bench.arms import Arm
from foretell.bench.named_recipe import PLAIN
from foretell.bench.runner import BenchRun, Measurement
from foretell.bench.text_comparison import first_difference
from foretell.errors import UserError
from foretell.files import check_output_path, write_text

#: Endings of files that can be written.
FORMATS = (".csv", ".jsonl")
#: Columns of a CSV file, fields of a JSON object. prompt: its id, several with commas between them where they were decoded as a batch.
#: seconds: of the whole text, prompt included. first_seconds: until the first token. times_plain: ratio of speeds to plain decoding in the
#: same repeat. steps, drafted, accepted: of the recipe's own loop, empty for other programs. same_text: as plain decoding's.
FIELDS = (
    "recipe", "recipe_text", "repeat", "prompt", "kind", "prompt_tokens", "tokens", "seconds", "first_seconds", "tokens_per_second",
    "times_plain", "steps", "drafted", "accepted", "same_text",
)  # fmt: skip


def check_per_prompt_path(path: Path | None) -> None:
    """Refuse a file that could not be written, before anything is measured. Raises UserError naming the option."""
    check_output_path(path, "--per-prompt")
    if path is not None and path.suffix.lower() not in FORMATS:
        raise UserError(f"--per-prompt {str(path)!r} must end in {' or '.join(FORMATS)}, which say the format")


def write_per_prompt(run: BenchRun, arms: Sequence[Arm], path: Path) -> None:
    """Write all measurements, in the order in which they were made. Raises FileWriteError."""
    lines = rows(run, arms)
    if path.suffix.lower() == ".jsonl":
        write_text(path, "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    write_text(path, text.getvalue())


def rows(run: BenchRun, arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """A row with the values of `FIELDS` for each measurement; None where a value is not known."""
    details = {arm.name: arm.detail for arm in arms}
    plain = {(each.group, each.repeat): each for each in run.of(PLAIN)}
    return [_row(run, each, details[each.arm], plain.get((each.group, each.repeat))) for each in run.measurements]


def _row(run: BenchRun, measured: Measurement, detail: str, plain: Measurement | None) -> dict[str, Any]:
    output, group = measured.output, run.groups[measured.group]
    steps = [step for trace in output.traces for step in trace.decode_steps]
    rate = output.num_tokens / output.seconds if output.seconds > 0 else None
    reference = plain.output.num_tokens / plain.output.seconds if plain is not None and plain.output.seconds > 0 else None
    compared = plain is not None and run.setting.sampler.greedy
    return {
        "recipe": measured.arm,
        "recipe_text": detail,
        "repeat": measured.repeat,
        "prompt": ",".join(task.name for task in group.tasks),
        "kind": group.kind,
        "prompt_tokens": sum(len(task.tokens) for task in group.tasks),
        "tokens": output.num_tokens,
        "seconds": round(output.seconds, 6),
        "first_seconds": None if output.first_seconds is None else round(output.first_seconds, 6),
        "tokens_per_second": None if rate is None else round(rate, 3),
        "times_plain": round(rate / reference, 4) if rate and reference else None,
        "steps": len(steps) if output.traces else None,
        "drafted": sum(len(step.drafted) for step in steps) if output.traces else None,
        "accepted": sum(len(step.accepted) for step in steps) if output.traces else None,
        "same_text": _is_same(measured, plain) if compared and plain is not None else None,
    }


def _is_same(measured: Measurement, plain: Measurement) -> bool:
    pairs = zip(measured.output.tokens, plain.output.tokens, strict=True)
    return all(first_difference(tokens, wanted) is None for tokens, wanted in pairs)
