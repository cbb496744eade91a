"""Claim: whatever is handed in is taken, or refused by an error that the user can mend, within bounded time and memory.

Inputs are changed copies of a small corpus (`fuzz_targets.py`). Each is read in a child process; one that ends the process, takes more
processor time or memory than the limits, or raises what the command line would report as a fault of Foretell's own, is a failure. It is
written to the folder of `--failures` as TARGET-NUMBER, to be tried again. The same seed gives the same inputs. Processor time is what
counts, so that a busy machine fails nothing; only an input that waits for ever is ended by the clock.

    python benchmarks/fuzz.py --minutes 30
    python benchmarks/fuzz.py --inputs 500 --only schemas grammars --seed 7
    python benchmarks/fuzz.py --replay failures/schemas-17

Takes: as many minutes as --minutes says. Holds: no claim is final: it looks for what does not hold, and the test suite tries 60 inputs
of each kind.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from claims import Claims, report
from fuzz_targets import TARGETS

#: Limits of one input: seconds of processor time, and megabytes by which the child may grow.
SECONDS, MEGABYTES = 20, 1500
#: Seconds by the clock after which an input counts as waiting for ever.
PATIENCE = 600.0
#: A child reads so many inputs; then another one takes over, so that memory that is kept does not add up.
INPUTS_A_CHILD = 400
#: The longest input, in bytes.
MOST_BYTES = 60_000
#: A JSON value with more parts is not changed further.
MOST_PLACES = 3000
ODD_VALUES: list[Any] = [None, True, False, 0, -1, 1.5, 2**63, 10**30, 1e300, float("nan"), float("-inf"), "", "a", "é\x00", "\0", "\ud800"]
ODD_VALUES += [
    "(",
    [],
    {},
    [[]],
    {"": {}},
    [None],
    "#",
    "string",
    "x" * 5000,
    "../x",
    *(marks := ("@deep@", "@deeper@", "@long@", "@huge@")),
]
#: What stands for these marks in the text: JSON that no value can be made into text for.
WRITTEN = dict(zip(marks, ("[" * 900 + "]" * 900, '{"a":' * 8000 + "1" + "}" * 8000, "1" * 5000, "1e999"), strict=True))


def changed(data: bytes, corpus: list[bytes], words: list[str], rng: random.Random) -> bytes:
    """A copy with one to six changes."""
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        data = changed_once(data, rng.choice(corpus), rng.choice(words).encode("latin-1", "replace"), rng)[:MOST_BYTES]
    return data


def changed_once(data: bytes, other: bytes, word: bytes, rng: random.Random) -> bytes:
    """A piece cut, repeated, replaced or taken from another input, or a word put in."""
    first, last = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    start, before = rng.randrange(len(other) + 1), data[:first]
    short = data[first : first + rng.choice((1, 2, 8, 30))]
    return rng.choice(
        (
            before + word + data[first:],
            before + word + data[first + len(word) :],
            before + data[first + len(short) :],
            before + short * rng.choice((2, 3, 20, 500)) + data[first:],
            before + word * rng.choice((2, 40, 1500)) + data[first:],
            before + other[start : start + 40] + data[first:],
            data[:last] + data[first:],
            before + bytes([rng.randrange(256)]) + data[first + 1 :],
            before,
        )
    )


def changed_value(value: Any, other: Any, rng: random.Random) -> Any:
    """A JSON value with some parts of it replaced, nested, repeated, renamed and taken from another value."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = json.loads(json.dumps(value))  # a copy, in which no part is shared
        known = list(islice(places(value), MOST_PLACES + 1)) or [(None, None)]
        if len(known) > MOST_PLACES:
            break
        part, key = rng.choice(known)
        if part is None:
            return rng.choice(ODD_VALUES)
        inner, others = part[key], list(places(other))
        for _ in range(rng.choice((1, 3, 60, 200))):
            inner = {"x": inner} if rng.random() < 0.5 else [inner]
        far, name = rng.choice(others) if others else ([None], 0)
        part[key] = rng.choice((rng.choice(ODD_VALUES), inner, [part[key]] * rng.choice((2, 30, 900)), far[name], part[key]))
        if isinstance(part, dict) and rng.random() < 0.5:
            part[rng.choice(list(far)) if isinstance(far, dict) else rng.choice(["", "a", "$ref", "é"])] = rng.choice(
                (part.pop(key), far[name])
            )
    return value


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each array or object within a value with each of its keys."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def made_input(target: str, corpus: list[bytes], seed: int) -> bytes:
    """The input of this number."""
    rng = random.Random(f"{target} {seed}")
    if TARGETS[target].is_json and rng.random() < 0.8:
        parts, others = (rng.choice(corpus).split(b"\n\n") for _ in range(2))
        for place in {rng.randrange(len(parts)) for _ in range(rng.choice((1, 1, 2)))}:
            value = changed_value(json.loads(parts[place] or b"{}"), json.loads(rng.choice(others) or b"{}"), rng)
            parts[place] = written(value)[:MOST_BYTES]
        return b"\n\n".join(parts)
    return changed(rng.choice(corpus), corpus, TARGETS[target].words, rng)


def written(value: Any) -> bytes:
    """A value as JSON, with what the marks stand for."""
    text = json.dumps(value)
    for mark, meant in WRITTEN.items():
        text = text.replace(f'"{mark}"', meant)
    return text.encode()


def child(target: str) -> None:
    """Read the inputs that standard input names, and answer each with a line: how it went, and how much memory was taken."""
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, chain=True)  # says where the time goes, and ends the process
    warnings.simplefilter("ignore")
    corpus, read = TARGETS[target].corpus(), TARGETS[target].read
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FORETELL_CACHE"] = f"{folder}/cache"
        os.environ["HF_HUB_OFFLINE"] = "1"
        for warm in corpus:
            if (how := outcome(read, warm, Path(folder))) != "taken":
                raise RuntimeError(f"an input of the corpus is not taken ({how}): {warm[:200]!r}")
        before = resident()
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + 4 * MEGABYTES * 2**20,) * 2)
        print("ready", flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            data = Path(order["file"]).read_bytes() if "file" in order else made_input(target, corpus, order["seed"])
            resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + SECONDS, resource.RLIM_INFINITY))
            how = outcome(read, data, Path(folder))
            grown = max(resident() - before, 0)
            print(json.dumps({"how": how, "megabytes": grown}), flush=True)


def outcome(read: Callable[[bytes, Path], object], data: bytes, folder: Path) -> str:
    """ "taken", "refused", or the error that is a fault."""
    from foretell.cli.common.program import is_users_error

    try:
        with contextlib.redirect_stdout(sys.stderr):
            read(data, folder)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # pyo3's panics are no exceptions
        if isinstance(error, Exception) and not isinstance(error, MemoryError) and is_users_error(error):
            return "refused"
        trace, places = error.__traceback__, []
        while trace:
            places.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
            trace = trace.tb_next
        return f"{type(error).__name__}: {str(error)[:200]} at {' '.join(places[-4:])}"
    return "taken"


def resident() -> float:
    """The most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def address_space() -> int:
    """Bytes of this process's address space; a large number where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 2**40


@dataclass
class Fuzzer:
    """Hands inputs to children of one target. counts: of inputs by how they went. failures: (seed, what happened). shows: let the
    children's messages through."""

    target: str
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    num_read: int = 0
    shows: bool = False

    def start(self) -> subprocess.Popen[str]:
        """A child that is ready."""
        if self.process is None or self.num_read >= INPUTS_A_CHILD:
            self.stop()
            command = [sys.executable, __file__, "--child", self.target]
            pipe = subprocess.PIPE
            errors = None if self.shows else subprocess.DEVNULL
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True)
            self.num_read = 0
            assert self.process.stdout is not None
            if self.process.stdout.readline().strip() != "ready":
                raise RuntimeError(f"the child for {self.target} does not start: python {' '.join(command[1:])}")
        return self.process

    def stop(self) -> None:
        """End the child."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def ask(self, order: dict[str, object]) -> str:
        """How an input went: "taken", "refused", or what is a failure."""
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        self.num_read += 1
        if not select.select([process.stdout], [], [], PATIENCE)[0]:
            self.stop()
            return f"waits for more than {PATIENCE:g} s"
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self.stop()
            late = f"takes more than {SECONDS} s of processor time"
            return late if code == -signal.SIGXCPU else f"ended the process ({code})"
        answer = json.loads(line)
        if answer["megabytes"] > MEGABYTES:
            self.stop()
            return f"takes {answer['megabytes']:.0f} MB, more than {MEGABYTES}"
        return str(answer["how"])

    def run(self, seeds: range, until: float, folder: Path) -> None:
        """Try inputs until the clock says `until`."""
        corpus = TARGETS[self.target].corpus()
        for seed in seeds:
            if time.monotonic() > until:
                break
            how = self.ask({"seed": seed})
            self.counts[how if how in ("taken", "refused") else "failed"] += 1
            if how not in ("taken", "refused"):
                self.failures.append((seed, how))
                folder.mkdir(parents=True, exist_ok=True)
                path = folder / f"{self.target}-{seed}"
                path.write_bytes(made_input(self.target, corpus, seed))
                print(f"{path}: {how}", flush=True)
        self.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="for all targets together")
    parser.add_argument("--inputs", type=int, default=10**9, help="the most inputs of each target")
    parser.add_argument("--only", nargs="+", choices=sorted(TARGETS), default=list(TARGETS), help="targets")
    parser.add_argument("--seed", type=int, default=0, help="number of the first input")
    parser.add_argument("--failures", type=Path, default=Path("failures"), help="folder for inputs that fail")
    parser.add_argument("--replay", type=Path, help="try one such input again")
    parser.add_argument("--child", choices=sorted(TARGETS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return 0
    if options.replay:
        fuzzer = Fuzzer(options.replay.name.split("-")[0], shows=True)
        how = fuzzer.ask({"file": str(options.replay)})
        fuzzer.stop()
        print(how)
        return how not in ("taken", "refused")
    claims: Claims = []
    for target in options.only:
        fuzzer = Fuzzer(target)
        share = options.minutes * 60 / len(options.only)
        fuzzer.run(range(options.seed, options.seed + options.inputs), time.monotonic() + share, options.failures)
        print(f"{target}: " + ", ".join(f"{num} {how}" for how, num in sorted(fuzzer.counts.items())), flush=True)
        claims.append((f"failures of {target} in {fuzzer.counts.total()} inputs", len(fuzzer.failures), "<=", 0))
    return report(claims, {"seed": options.seed, "seconds": SECONDS, "megabytes": MEGABYTES})


if __name__ == "__main__":
    sys.exit(main())
