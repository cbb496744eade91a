"""Corpus tables, scopes, contexts of what was seen, and probabilities without a full sum."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from foretell.decoding.drafter import Seen
from foretell.decoding.drafting.successors.contexts import seen_contexts
from foretell.decoding.drafting.successors.corpus import corpus_table
from foretell.decoding.drafting.successors.probabilities import best_probabilities
from foretell.decoding.drafting.successors.scope import ScopedTables
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.tree import Tree


def test_a_corpus_table_holds_the_relative_frequencies():
    random = np.random.default_rng(0)
    texts = [random.integers(0, 5, 200).tolist() for _ in range(3)]
    table = corpus_table(texts, 5, width=3)
    counts = Counter(trigram for text in texts for trigram in zip(text, text[1:], text[2:], strict=False))
    for a in range(5):
        for b in range(5):
            total = sum(counts[a, b, c] for c in range(5))
            tokens, weights = table.successors([a, b])
            assert weights == pytest.approx([counts[a, b, token] / total for token in tokens])
            assert weights == pytest.approx(sorted((counts[a, b, c] / total for c in range(5)), reverse=True)[:3])
    table.learn_text([1, 2, 3])
    assert table.rule == "add"


def test_scopes_share_tables_as_they_say():
    for scope, same, other in (("request", False, False), ("problem", True, False), ("global", True, True)):
        tables = ScopedTables(lambda: SuccessorTable(5), scope)
        first = tables.of([1, 2])
        assert (tables.of([1, 2]) is first, tables.of([2]) is first) == (same, other)


def test_problems_unused_longest_are_forgotten():
    tables = ScopedTables(lambda: SuccessorTable(5), "problem")
    kept = [tables.of([i]) for i in range(32)]
    assert tables.of([0]) is kept[0]
    tables.of([99])
    assert tables.of([0]) is kept[0]
    assert tables.of([1]) is not kept[1]


def test_contexts_follow_the_text_and_the_tree():
    tree = Tree()
    a = tree.add(10)
    tree.add(11)
    tree.add(12, a)
    seen = Seen([3, 4, 10, 11, 12], torch.zeros(4, 20), tree, [0, 2], [10, 12, 5])
    contexts, tail = seen_contexts([1, 2], seen, 3)
    assert contexts == [[2, 3, 4], [3, 4, 10], [3, 4, 11], [4, 10, 12]]
    assert tail == [4, 10, 12]
    assert seen_contexts([], Seen([3], torch.zeros(0, 20), Tree(), [], []), 3) == ([], [3])


@pytest.mark.parametrize(("vocab", "tolerance"), [(50, 2e-2), (20_000, 0.15)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probabilities_are_near_the_softmax(vocab, tolerance, dtype):
    logits = 2 * torch.randn(6, vocab, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)
    tokens, probs = best_probabilities(logits, 5)
    exact, order = logits.double().softmax(-1).topk(5)
    assert (tokens == order.numpy()).all()
    assert np.abs(probs / exact.numpy() - 1).max() < (tolerance if dtype is torch.float32 else 1e-9)
