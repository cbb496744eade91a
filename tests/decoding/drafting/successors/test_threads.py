"""Threads that share a table."""

from __future__ import annotations

import threading

import numpy as np

from foretell.decoding.drafting.successors.table import SuccessorTable


def test_threads_that_teach_and_ask_one_table_all_come_to_an_end():
    """Evictions, growth and look-ups interleave; afterwards every row is found by its context."""
    table, done = SuccessorTable(100, (3, 2, 1), 4, "mean", capacity=200), []

    def work(seed):
        random = np.random.default_rng(seed)
        for _ in range(60):
            contexts, tokens = random.integers(0, 100, (64, 3)), random.integers(0, 100, (64, 4))
            table.learn_rows(contexts, tokens, np.full((64, 4), 0.25))
            table.find(contexts[0].tolist())
        done.append(seed)

    threads = [threading.Thread(target=work, args=(seed,), daemon=True) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted(done) == [0, 1, 2]
    assert len(table) == 200
    for context in table.store.context:
        order = int((context >= 0).sum())
        row, _ = table.find(context[3 - order :].tolist(), order)
        assert table.store.context[row].tolist() == context.tolist()
