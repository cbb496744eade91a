"""Whether the embedding is also the output head: decided here, for all file formats, as transformers 5 decides it."""

from __future__ import annotations

import torch

from foretell.models.weights.lazy_tensors import LazyTensors

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def settle_tying(flag: bool, tensors: LazyTensors) -> tuple[bool, LazyTensors, list[str]]:
    """(whether one matrix is both, the tensors with the embedding under its own name, what the user should know).

    flag: what the configuration says. Tied matrices may be stored under either name. Two that are stored and differ are two, whatever
    the flag says. Without the flag both must be there, which the caller checks.
    """
    if not flag:
        return False, tensors, []
    if EMBEDDING not in tensors:
        return True, tensors.renamed(HEAD, EMBEDDING) if HEAD in tensors else tensors, []
    if HEAD not in tensors:
        return True, tensors, []
    if tensors.shapes[EMBEDDING] == tensors.shapes[HEAD] and torch.equal(tensors[EMBEDDING], tensors[HEAD]):
        return True, tensors, []
    said = (
        f"tie_word_embeddings says that the head is the embedding, but {HEAD!r} is stored with other values, and is used as the head; "
        "set tie_word_embeddings to false to silence this"
    )
    return False, tensors, [said]
