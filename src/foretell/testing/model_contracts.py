"""Checks that every `Model` passes: what its feeds, caches, norm and head promise. Each raises `ContractError` saying what is missing.

    check_model(MyModel())

What a model does not take (`attentions`, `has_positions`, `memory_width`, embeddings, norm and head) it must refuse by UserError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.base import NO_CONTEXT, POST_NORM, Attention, Cache, Context, ContextOverflowError, Feed, Model
from foretell.models.reading import catch_up, read
from foretell.testing.contracts import demand


def check_model(model: Model, context: Context = NO_CONTEXT) -> None:
    """Every check of this file, on texts with this context."""
    for check in CHECKS:
        check(model, context)


def check_norm_and_head(model: Model, context: Context = NO_CONTEXT) -> None:
    """Norm and head alone give the rows of a forward, of exits too, and some columns are columns of the whole product."""
    text, middle = _text(model, 5), model.num_layers // 2
    if _refuses(model.head, torch.zeros(1, model.width)):
        demand(_refuses(model.norm, torch.zeros(1, model.width)), model, "has a norm but no head")
        return
    [rows] = model.forward([Feed(_cache(model, context), text)], hidden=[model.num_layers, POST_NORM])
    post_norm = rows.hidden[POST_NORM]
    demand(_same(model, model.norm(rows.hidden[model.num_layers]), post_norm), model, "has a norm that is not that of forward")
    demand(_same(model, model.head(post_norm), rows.logits), model, "has a head that is not that of forward")
    demand(model.head(post_norm).dtype == torch.float32, model, "has a head whose logits are not float32")
    [early] = model.forward([Feed(_cache(model, context), text)], hidden=[middle], stop=middle)
    demand(_same(model, model.head(model.norm(early.hidden[middle])), early.logits), model, "reads an exit otherwise than forward does")
    for tokens in ([model.vocab_size - 1, 0], list(range(0, model.vocab_size, 2)), [1, 1]):
        demand(_same(model, model.head(post_norm, tokens), rows.logits[:, tokens]), model, f"has other logits for tokens={tokens}")
    demand(model.head(post_norm[:0]).shape == (0, model.vocab_size), model, "has logits for no states")
    demand(model.head(post_norm, []).shape == (len(text), 0), model, "has logits for no tokens")
    demand(model.norm(post_norm[:0]).shape == (0, model.width), model, "has a norm of no states")
    for token in model.suppressed:
        demand(bool((model.head(post_norm, [token]) == -torch.inf).all()), model, f"lets the suppressed token {token} be generated")
    for name, call in (("norm", model.norm), ("head", model.head)):
        demand(_refuses(call, torch.zeros(1, model.width + 1)), model, f"takes states of a wrong width in {name}")
    demand(_refuses(model.head, post_norm, [model.vocab_size]), model, "takes a token outside the vocabulary in head")


def check_mixed_pieces(model: Model, context: Context = NO_CONTEXT) -> None:
    """Embeddings among tokens are read like the tokens they stand for, in a batch whose other feeds have none, or nothing else."""
    if _refuses(model.embed, [0]):
        feed = Feed(_cache(model, context), embeddings=torch.zeros(1, model.width))
        demand(_refuses(model.forward, [feed]), model, "ignores embeddings")
        return
    text = _text(model, 6)
    embedded = [model.embed([token], position=i) for i, token in enumerate(text)]
    [plain] = model.forward([Feed(_cache(model, context), text)], hidden=[0])
    pieces: list[Sequence[int] | Tensor] = [text[:2], torch.cat(embedded[2:4]), text[4:5], embedded[5]]
    mixed = Feed.mixed(_cache(model, context), pieces)
    demand(mixed.places == [2, 3, 5] and len(mixed) == 6, model, f"got a feed whose embeddings stand at {mixed.places}")
    feeds = [mixed, Feed(_cache(model, context), text), Feed(_cache(model, context), embeddings=torch.cat(embedded), num_logits=2)]
    first, second, third = model.forward(feeds, hidden=[0])
    for rows, num, name in ((first, 6, "tokens and embeddings"), (second, 6, "tokens beside embeddings"), (third, 2, "embeddings")):
        demand(_same(model, rows.logits, plain.logits[-num:]), model, f"reads {name} otherwise than tokens")
        demand(_same(model, rows.hidden[0], plain.hidden[0]), model, f"has other inputs of the first layer for {name}")
    tokens = [text[0], -1, text[2]]  # what stands where an embedding does is not looked at
    [rows] = model.forward([Feed(_cache(model, context), tokens, embeddings=embedded[1], places=[1])])
    demand(_same(model, rows.logits, plain.logits[:3]), model, "looks at the token in the place of an embedding")


def check_attention(model: Model, context: Context = NO_CONTEXT) -> None:
    """Rows of a block see each other, all later rows are causal, and a block is kept or dropped as a whole."""
    text = _text(model, 6)
    other = [*text[:3], (text[3] + 1) % model.vocab_size, *text[4:]]
    cache = _cache(model, context)
    [causal] = model.forward([Feed(_cache(model, context), text)])
    for kind in set(Attention) - model.attentions:
        num_prefix = 2 if kind is Attention.PREFIX else None
        demand(_refuses(model.forward, [Feed(cache, text, attention=kind, num_prefix=num_prefix)]), model, f"ignores {kind}")
    if not set(Attention) <= model.attentions:
        return

    def prefix(tokens: list[int], num: int, where: Cache | None = None) -> Tensor:
        feed = Feed(where or _cache(model, context), tokens, attention=Attention.PREFIX, num_prefix=num)
        return model.forward([feed])[0].logits

    [full] = model.forward([Feed(_cache(model, context), text, attention=Attention.FULL)])
    demand(_same(model, full.logits, prefix(text, 6)), model, "has a full feed that is not a prefix of all its rows")
    demand(_same(model, causal.logits, prefix(text, 1)), model, "has a prefix of one row that is not causal")
    demand(not torch.equal(prefix(text, 4)[2], prefix(other, 4)[2]), model, "has rows of a prefix that do not see the later ones")
    demand(_same(model, prefix(text, 3)[:3], prefix(other, 3)[:3]), model, "has rows of a prefix that see what comes behind it")
    # The block first, then what hangs on it: the same as at once.
    whole = prefix(text, 4)
    block = prefix(text[:4], 4, cache)
    [rest] = model.forward([Feed(cache, text[4:])])
    demand(_same(model, torch.cat([block, rest.logits]), whole), model, "has other rows where the block comes in a feed of its own")
    demand(_refuses(cache.keep, [0, 1]), model, "keeps a part of a block")
    demand(_refuses(model.forward, [Feed(cache, text[:1], [1])]), model, "lets rows hang in the middle of a block")
    cache.keep([0, 1, 2, 3, 4])
    [last] = model.forward([Feed(cache, text[5:])])
    demand(_same(model, last.logits, whole[5:]), model, "has other rows behind a block that was kept")
    twin = cache.fork()
    for each in (cache, twin):
        demand(_refuses(each.truncate, 2), model, "cuts a block in two")
        each.truncate(4)
    demand(_same(model, model.forward([Feed(twin, text[4:])])[0].logits, whole[4:]), model, "has other rows in a fork behind a block")
    cache.truncate(0)
    demand(_same(model, model.forward([Feed(cache, text)])[0].logits, causal.logits), model, "does not forget a block")
    # Behind committed rows, and beside other feeds.
    cache.keep(range(2))
    feeds = [Feed(cache, text[2:], attention=Attention.FULL), Feed(_cache(model, context), text)]
    behind, beside = model.forward(feeds)
    demand(_same(model, beside.logits, causal.logits), model, "has other causal rows beside a full feed")
    alone = _cache(model, context)
    read(model, [(alone, text[:2])])
    [again] = model.forward([Feed(alone, text[2:], attention=Attention.FULL)])
    demand(_same(model, behind.logits, again.logits), model, "has other full rows beside a causal feed")
    cache.keep([])


def check_positions(model: Model, context: Context = NO_CONTEXT) -> None:
    """Positions that are named and are the usual ones change nothing; others are refused where they do not fit."""
    text = _text(model, 4)
    if not model.has_positions:
        demand(_refuses(model.forward, [Feed(_cache(model, context), text, positions=range(4))]), model, "ignores positions")
        return
    cache = _cache(model, context)
    [plain] = model.forward([Feed(cache, text)])
    cache.keep(range(2))
    [rows] = model.forward([Feed(cache, text[2:], positions=[2, 3])])
    demand(_same(model, rows.logits, plain.logits[2:]), model, "has other rows where their positions are named")
    demand(_refuses(cache.reopen, 1), model, "reopens rows although some are pending")
    cache.keep([0])
    demand(_refuses(cache.reopen, 1), model, "reopens a row whose position is not remembered")
    cache.truncate(2)
    [tree] = model.forward([Feed(cache, [text[2], text[2]], [-1, -1], positions=[2, 2])])
    demand(_same(model, tree.logits, plain.logits[[2, 2]]), model, "has other rows in a tree where their positions are named")
    cache.keep([])
    for positions in ([2], [2, -1], [2, model.max_length]):
        demand(_refuses(model.forward, [Feed(cache, text[2:], positions=positions)]), model, f"takes positions={positions}")
    demand(cache.pending == [] and cache.length == 2, model, "lists rows that it refused")


def check_cacheless(model: Model, context: Context = NO_CONTEXT) -> None:
    """A feed without a cache has the rows of one with a new one, alone and in a batch."""
    text = _text(model, 5)
    kept, free, again = model.forward([Feed(model.new_cache(), text), Feed(None, text), Feed(None, text[:2], num_logits=1)])
    demand(_same(model, kept.logits, free.logits), model, "has other rows without a cache")
    demand(_same(model, again.logits, free.logits[1:2]), model, "has other rows of a batch without a cache")
    feed = Feed(None, embeddings=torch.zeros(1, model.width), rows=[0])
    demand(_refuses(partial(model.forward, start=1, stop=1), [feed]), model, "resumes rows without a cache")


def check_context(model: Model, context: Context = NO_CONTEXT) -> None:
    """A cache holds its context for good, forks share it, and rows depend on its memory where there is one."""
    text = _text(model, 5)
    given = replace(context, prompt_length=3)
    cache = model.new_cache(given)
    demand(cache.context is given and cache.fork().context is given, model, "loses the context of a cache")
    [rows] = model.forward([Feed(cache, text)])
    cache.keep(range(5))
    for length in (5, 4, 2):
        cache.reuse(length)
        demand(cache.length == length - 1 and cache.context.prompt_length == length, model, "does not begin a prompt of another length")
        [rest] = model.forward([Feed(cache, text[length - 1 :])])
        [fresh] = model.forward([Feed(model.new_cache(replace(context, prompt_length=length)), text)])
        demand(_same(model, rest.logits, fresh.logits[length - 1 :]), model, "has other rows where a prompt begins with what is cached")
    if context.memory is None:
        memory = torch.zeros(2, model.memory_width + 1)
        demand(_refuses(model.new_cache, Context(memory=memory)), model, "takes a memory of a wrong width")
        return
    without, changed = model.new_cache(), model.new_cache(Context(memory=context.memory + 1))
    feeds = [Feed(model.new_cache(given), text), Feed(without, text), Feed(changed, text)]
    first, second, third = model.forward(feeds)
    demand(_same(model, first.logits, rows.logits), model, "has rows that depend on the memory of others")
    demand(not torch.equal(first.logits, second.logits), model, "has rows that do not depend on whether there is a memory")
    demand(not torch.equal(first.logits, third.logits), model, "has rows that do not depend on the memory")


def check_rules(model: Model, context: Context = NO_CONTEXT) -> None:
    """What does not go together is refused by name, and leaves no rows behind."""
    text, cache = _text(model, 3), _cache(model, context)
    states = torch.zeros(2, model.width)
    full, prefix = Attention.FULL, Attention.PREFIX
    refused: list[tuple[str, Feed, dict[str, Any]]] = [
        ("parents", Feed(cache, text, [-1, 0, 0], attention=full), {}),
        ("num_prefix", Feed(cache, text, attention=prefix), {}),
        ("num_prefix", Feed(cache, text, attention=prefix, num_prefix=4), {}),
        ("num_prefix", Feed(cache, text, num_prefix=2), {}),
        ("stop", Feed(cache, text, attention=full), {"stop": 0}),
        ("stop", Feed(cache, text, positions=[0, 1, 2]), {"stop": 0}),
        ("positions", Feed(cache, text, positions=[0, 1]), {}),
        ("places", Feed(cache, text, embeddings=states), {}),
        ("places", Feed(cache, text, places=[0]), {}),
        ("places", Feed(cache, text, embeddings=states, places=[0]), {}),
        ("places", Feed(cache, text, embeddings=states, places=[1, 0]), {}),
        ("places", Feed(cache, text, embeddings=states, places=[1, 3]), {}),
        ("embeddings", Feed(cache, embeddings=torch.zeros(2, model.width + 1)), {}),
        ("num_logits", Feed(cache, text, num_logits=-1), {}),
        ("rows", Feed(cache, embeddings=states, rows=[0, 1]), {"start": 1}),
        ("attention", Feed(cache, embeddings=states, rows=[0, 1], attention=full), {"start": 1}),
    ]
    for word, feed, options in refused:
        try:
            model.forward([feed], **options)
        except UserError as error:
            demand(word in str(error), model, f"refuses {feed!r} without naming {word!r}: {error}")
        else:
            demand(False, model, f"takes {feed!r} with {options}")
        demand(cache.pending == cache.pending_blocks == [] and not cache.placed, model, f"lists rows of {feed!r}, which it refused")
    demand(_refuses(model.forward, [Feed(cache, [0] * (model.max_length + 1))], error=ContextOverflowError), model, "takes any length")


def check_reading(model: Model, context: Context = NO_CONTEXT) -> None:
    """Texts that are read in pieces have the rows of one pass."""
    texts = [_text(model, 7), _text(model, 3), []]
    whole = model.forward([Feed(_cache(model, context), text) for text in texts])
    caches = [_cache(model, context) for _ in texts]
    parts = read(model, list(zip(caches, texts, strict=True)), chunk=2, num_logits=None)
    for cache, text, once, pieces in zip(caches, texts, whole, parts, strict=True):
        demand(cache.length == len(text) and not cache.pending, model, "does not commit what was read")
        demand(_same(model, once.logits, pieces.logits), model, "has other rows where a text is read in pieces")
    cache = _cache(model, context)
    demand(catch_up(model, [(cache, texts[0])], chunk=3) == [6], model, "reads more or less than all but the last piece")
    [last] = read(model, [(cache, texts[0][6:])])
    demand(_same(model, last.logits, whole[0].logits[6:]), model, "has other rows behind what was read")


CHECKS: tuple[Callable[[Model, Context], None], ...] = (
    check_norm_and_head,
    check_mixed_pieces,
    check_attention,
    check_positions,
    check_cacheless,
    check_context,
    check_rules,
    check_reading,
)


def _text(model: Model, num: int) -> list[int]:
    return [(7 * i * i + 3 * i + 1) % model.vocab_size for i in range(num)]


def _cache(model: Model, context: Context) -> Cache:
    return model.new_cache(context)


def _same(model: Model, a: Tensor, b: Tensor) -> bool:
    """Equal bits where the model promises them, else about equal."""
    if a.shape != b.shape or model.tolerance == 0:
        return torch.equal(a, b)
    return torch.allclose(a.float(), b.float(), atol=min(model.tolerance, 0.1), rtol=0)


def _refuses(call: Callable[..., Any], *args: Any, error: type[UserError] = UserError) -> bool:
    try:
        call(*args)
    except error:
        return True
    return False
