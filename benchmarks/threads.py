"""Claim: several threads on one model do not hang, and write the texts that one thread writes.

    python benchmarks/threads.py [--threads 8] [--requests 50] [--tokens 16] [--runs 3] [--model ID] [--recipe RECIPE]

Each thread calls `generate` for its share of the prompts, one at a time, on one model with the default recipe. The texts are compared with
those of a single thread. It fails when a text differs, when a request fails, or when a run is not done in time (`--minutes`). It prints
requests a second, of one thread and of several, since requests of several threads share the batch.

Takes: some minutes. Holds: yes.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time

from claims import report

import foretell as ft
from foretell.bench.prompts import read_prompts


def main() -> int:
    """Run it from the command line; 1 where a claim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--requests", type=int, default=50, help="of each thread")
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10.0, help="of one run at most")
    parser.add_argument("--model")
    parser.add_argument("--recipe")
    args = parser.parse_args()
    model = ft.load(args.model)
    built_in = [prompt.turns[0] for prompt in read_prompts()]
    prompts = [f"({number}) {built_in[number % len(built_in)][:400]}" for number in range(args.threads * args.requests)]

    def answer(prompt: str) -> str:
        return ft.generate(prompt, model, args.recipe, max_new_tokens=args.tokens).text

    begin = time.perf_counter()
    expected = [answer(prompt) for prompt in prompts]
    rates = [len(prompts) / (time.perf_counter() - begin)]
    print(f"one thread: {rates[0]:.2f} requests/s")
    differing = failed = hung = 0
    for run in range(args.runs):
        model.pool.clear()  # a new session: its drafter has seen nothing
        texts, errors = dict[int, str](), list[BaseException]()

        def work(first: int, texts: dict[int, str] = texts, errors: list[BaseException] = errors) -> None:
            try:
                for number in range(first, len(prompts), args.threads):
                    texts[number] = answer(prompts[number])
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(first,), daemon=True) for first in range(args.threads)]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=max(0.0, begin + 60 * args.minutes - time.perf_counter()))
        elapsed = time.perf_counter() - begin
        rates.append(len(texts) / elapsed)
        hung += sum(thread.is_alive() for thread in threads)
        failed += len(errors)
        differing += sum(texts.get(number) != right for number, right in enumerate(expected))
        print(f"run {run + 1}: {args.threads} threads, {len(texts)} texts in {elapsed:.1f} s, {rates[-1]:.2f} requests/s")
    return report(
        [("threads that hang", hung, "<=", 0), ("requests that fail", failed, "<=", 0), ("texts that differ", differing, "<=", 0)],
        {"requests_per_second": rates},
    )


if __name__ == "__main__":
    sys.exit(main())
