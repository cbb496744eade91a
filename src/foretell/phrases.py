"""A table of a model's own phrases that drafting can start with: the tokens it ranks highest after each context of its answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from foretell.decoding.drafters.stand import Stand
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.errors import UserError
from foretell.models.base import Model

#: A callback for progress: called with the share of the work that is done, from 0 to 1, and the number of tokens so far.
Report = Callable[[float, int], None]
_BATCH = 16
_MARK = "\x02user turn\x03"


def made_up_prompts(model: Model, num: int, seed: int = 0, max_new_tokens: int = 96) -> list[list[int]]:
    """At most `num` user prompts written by the model: it continues its chat template at the beginning of the user's turn.

    Turns that do not end within `max_new_tokens` or are shorter than 4 tokens are dropped. Returns the token ids of the chats. Xu et al.,
    "Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with Nothing", section 2. Errors: UserError for a model without
    a chat template.
    """
    text = model.tokenizer
    if text is None or text.chat_template is None:
        raise UserError("prompts cannot be made up by a model without a chat template; name a file of prompts")
    beginning = text.render([{"role": "user", "content": _MARK}], answer=False).partition(_MARK)[0]
    before = text.encode(beginning, special=False, parse_special=True)
    if not before:
        raise UserError("this model's chat template begins with the user's own words, so no prompts can be made up; name a file of prompts")
    sampler = make_sampler(temperature=1.0, top_p=0.95)
    requests = [Request(before, max_new_tokens, sampler, SampledDraws(seed + i), text.stop_tokens) for i in range(num)]
    for _ in Session(model, Recipe.parse("plain")).run(requests, _BATCH):
        pass
    ended = [request.generated for request in requests if request.finish_reason == "stop" and request.num_generated >= 4]
    return [text.chat(text.decode(tokens).strip()) for tokens in ended]


def own_phrases(
    model: Model,
    prompts: Sequence[Sequence[int]],
    orders: Sequence[int] = (2, 1),
    width: int = 6,
    max_new_tokens: int = 160,
    seconds: float | None = None,
    report: Report = lambda done, tokens: None,
) -> SuccessorTable:
    """The table that STAND's rule ("mean") learns from greedy answers to `prompts`.

    prompts: token ids. orders: context lengths of the table. width: successors kept of a context. max_new_tokens: longest answer. seconds:
    time limit, after which the table so far is returned; Ctrl-C does the same once an answer is finished. report: progress callback.

    >>> from foretell.models.tiny import TinyModel
    >>> table = own_phrases(TinyModel(8, order=1), [[1], [2]], orders=(1,), width=2, max_new_tokens=4)
    >>> table.rule, len(table) > 0
    ('mean', True)
    """
    drafter = Stand(tuple(orders), width, siblings="best-first", scope="global")
    session = Session(model, Recipe(drafter, pace=Fixed(0)))
    stop = model.tokenizer.stop_tokens if model.tokenizer is not None else frozenset()
    requests = [Request(prompt, max_new_tokens, make_sampler(), SampledDraws(0), stop) for prompt in prompts]
    begin, finished, tokens = time.monotonic(), 0, 0
    try:
        for request in session.run(requests, _BATCH):
            if request.finish_reason:
                finished, tokens = finished + 1, tokens + request.num_generated
                report(finished / len(requests), tokens)
            if seconds is not None and time.monotonic() - begin > seconds:
                break
    except KeyboardInterrupt:
        if not finished:
            raise
    return session.draft_memory.of(())
