"""A corpus of a few lines, and a network that trains in a second."""

from __future__ import annotations

import pytest

from foretell.training.corpus import Corpus, Document
from foretell.training.network import Shape


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    lines = [f"def add_{i}(a, b):\n    return a + b + {i}\n\n" * 3 for i in range(40)]
    texts = [Document(f"m{i}", "code", text, i % 8 == 0) for i, text in enumerate(lines)]
    return Corpus.build(vocab_size=300, length=16, texts=texts)


@pytest.fixture(scope="session")
def shape() -> Shape:
    return Shape(num_layers=3, width=16, num_heads=2, max_length=64)
