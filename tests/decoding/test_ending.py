"""Endings that fit the token budget: texts under a rule are ended in time, whatever drafts them."""

from __future__ import annotations

import json

import pytest

from foretell.decoding.draws import SampledDraws
from foretell.decoding.ending import follows
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.choices import Choices
from foretell.rules.constraints.grammar import Grammar
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.constraints.regex import Regex
from foretell.rules.schemas.strings import BYTES

SPELLING = (*(bytes([byte]) for byte in b'{}[]":, 0123456789abcdefghi-.@()TZ'), b'": ', b", ", b'{"', b'"}', b"abc", None)
STOP = len(SPELLING) - 1
MODEL = TinyModel(len(SPELLING), order=2, seed=4, sharpness=1.0, spelling=SPELLING)
VOCABULARY = Vocabulary.of(MODEL, {STOP})
PERSON = JsonSchema(
    {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "b": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "integer"}}},
            "c": {"enum": ["abc", "bde"]},
            "d": {"type": "integer"},
        },
        "required": ["a", "c", "d"],
    }
)
PARENTHESES = Grammar('start: "(" start ")" | "a"')
RECIPES = ("plain", "prompt-lookup, pace=6", "forced >> token-recycling, pace=6")


def run(constraint, length, recipe="plain", seeds=range(6), sampler=None, ending=True, logprobs=None, backtracks=0):
    sampler = sampler or Sampler()
    requests = [
        Request(
            [seed % 5, 3, 4],
            length,
            sampler,
            SampledDraws(seed),
            frozenset({STOP}),
            constraint=constraint,
            ending=ending,
            num_logprobs=logprobs,
            max_backtracks=backtracks,
        )
        for seed in seeds
    ]
    for _ in Session(MODEL, Recipe.parse(recipe)).run(requests):
        pass
    return requests


def text(request):
    return VOCABULARY.text(request.generated).decode()


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("backtracks", [0, 200])
@pytest.mark.parametrize("length", [20, 30, 60, 120])
def test_texts_of_a_schema_are_whole_and_within_the_budget(recipe, backtracks, length):
    requests = run(PERSON, length, recipe, backtracks=backtracks)
    for request in requests:
        assert (request.finish_reason, request.num_generated <= length) == ("stop", True)
        assert PERSON.accepts(text(request)), text(request)
        assert [token for step in request.trace.steps for token in step.tokens] == request.generated
        assert request.trace.sources["ending"] == request.num_ending
    assert any(request.num_ending for request in requests)
    assert [request.generated for request in requests] == [request.generated for request in run(PERSON, length, backtracks=backtracks)]


def test_without_endings_the_texts_are_cut_and_begin_alike():
    ended, cut = run(PERSON, 30), run(PERSON, 30, ending=False)
    assert {request.finish_reason for request in cut} >= {"length"}
    for one, other in zip(ended, cut, strict=True):
        assert one.generated[: one.num_generated - one.num_ending] == other.generated[: one.num_generated - one.num_ending]
        assert one.num_ending or one.generated == other.generated


def test_a_budget_below_the_shortest_text_cuts_it():
    [request] = run(PERSON, 5, seeds=[0])
    assert (request.finish_reason, request.num_generated, request.num_ending) == ("length", 5, 0)


def test_nested_parentheses_are_closed():
    for request in run(PARENTHESES, 9, seeds=range(12)):
        assert request.finish_reason == "stop"
        assert text(request).count("(") == text(request).count(")")


def test_a_text_that_may_end_anywhere_is_cut_and_could_go_on():
    for request in run(Regex("[0-9]+"), 4):
        assert (request.finish_reason, request.num_ending) in {("length", 0), ("stop", 0)}
        assert request.finish_reason == "stop" or request.num_generated == 4


def test_tokens_of_an_ending_have_no_logprob():
    [request] = [request for request in run(PERSON, 30, logprobs=2) if request.num_ending][:1]
    assert len(request.logprobs) == request.num_generated
    assert all(entry.logprob is None and entry.top == [] for entry in request.logprobs[-request.num_ending :])
    assert all(entry.logprob is not None for entry in request.logprobs[: -request.num_ending])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^[a-z]*[0-9]{3}$"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "email"},
        {"type": "string", "minLength": 12},
        {"type": "array", "items": {"enum": ["ab", "ac", 1]}, "minItems": 3, "uniqueItems": True},
        {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer", "minimum": 100}},
        {"anyOf": [{"$ref": "#/$defs/t"}, {"const": "ab"}], "$defs": {"t": {"type": "array", "items": {"$ref": "#"}, "minItems": 1}}},
    ],
)
def test_endings_of_schemas_are_valid(schema):
    constraint = JsonSchema(schema)
    ending = constraint.start(BYTES).ending(80)
    assert ending is not None
    assert constraint.accepts(BYTES.text(ending).decode())
    json.loads(BYTES.text(ending))


@pytest.mark.parametrize(
    "constraint", [Choices(("abc", "abcde", "b")), PARENTHESES, Regex("(ab){2,}c"), Choices(("ab", "abb")) & Regex("a.*b")]
)
def test_endings_lead_to_the_end_from_every_reachable_state(constraint):
    state = constraint.start(VOCABULARY)
    for _ in range(4):
        ending = state.ending(20)
        assert ending is not None
        assert follows(state, ending)
        following = [token for token in state.allowed().ids.tolist() if token != STOP]
        if not following:
            break
        state = state.advance(following[0])
    assert state.ending(0) in ([], None)


#: Objects whose shortest text is longer the deeper they stand: an opened one may no longer fit.
FOUR = {"type": "object", "properties": {name: {"enum": ["abcabcabc"]} for name in "abcd"}, "required": list("abcd")}
DEEP = JsonSchema(
    {
        "type": "object",
        "properties": {"a": {"type": "array", "items": FOUR}, "b": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
)


@pytest.mark.parametrize("length", [40, 90, 150])
def test_what_no_longer_fits_is_taken_back(length):
    for request in run(DEEP, length, seeds=range(12), backtracks=200, logprobs=1):
        assert (request.finish_reason, request.num_generated <= length) == ("stop", True)
        assert DEEP.accepts(text(request))
        assert len(request.logprobs) == request.num_generated
        assert [token for step in request.trace.steps for token in step.tokens] == request.generated


def test_an_ending_is_no_gain_of_drafting():
    requests = [request for request in run(PERSON, 30) if request.num_ending > 5]
    assert requests
    for request in requests:
        assert request.trace.tokens_per_step <= 1
        assert request.trace.num_tokens == request.num_generated


@pytest.mark.parametrize("backtracks", [0, 200])
@pytest.mark.parametrize("schema", [{"type": "number"}, {"type": "integer"}, {"anyOf": [{"type": "number"}, {"type": "boolean"}]}])
def test_a_number_that_is_cut_is_no_whole_answer(schema, backtracks):
    """Also where it was cut at a place from which it could not end in time, such as behind its point."""
    for length in range(1, 9):
        for request in run(JsonSchema(schema), length, seeds=range(10), backtracks=backtracks):
            assert request.finish_reason == "length" or not request.num_ending or text(request) in ("true", "false")


def test_white_space_that_may_follow_leaves_an_ending_whole():
    spaced = Grammar('start: "(" start ")" | "a"\n%ignore " "')
    requests = run(spaced, 9, seeds=range(12))
    assert any(request.num_ending for request in requests)
    assert all(request.finish_reason == "stop" for request in requests if request.num_ending)
