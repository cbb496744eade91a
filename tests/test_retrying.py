"""Values that their type rejects, texts that were cut, and asking again for both."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ValidationError, model_validator

import foretell as ft
from foretell import call
from foretell.errors import UserError
from foretell.models.load import load
from foretell.rules.answer import closed_advice
from foretell.rules.rule import make_rule
from tests.models.files import save_tokenizer
from tests.models.zoo import random_llama

CHAT = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Random weights over bytes: what it writes follows from the rule, or is noise."""
    folder = tmp_path_factory.mktemp("bytes")
    random_llama(259, num_layers=2, context=4096).save_pretrained(folder)
    save_tokenizer(folder, CHAT)
    (folder / "generation_config.json").write_text('{"eos_token_id": 257}')
    return load(str(folder))


def endless(model) -> dict[str, Any]:
    """Options under which the model writes ones for ever."""
    return {"logit_bias": {model.tokenizer.encode("1")[0]: 100} | dict.fromkeys(model.tokenizer.stop_tokens, -100)}


pytestmark = [pytest.mark.usefixtures("cache"), pytest.mark.filterwarnings("ignore:.*unfinished:UserWarning")]


def judged(outcomes: list[Exception | None]) -> Any:
    """A type of the value "ab", whose validator has these outcomes, one after the other."""

    def judge(value: Any) -> Any:
        error = outcomes.pop(0)
        if error is not None:
            raise error
        return value

    return Annotated[Literal["ab"], AfterValidator(judge)]


@pytest.mark.parametrize("error", [ValueError("too odd"), AssertionError("no"), TypeError("not this"), KeyError("x"), ZeroDivisionError()])
def test_one_rejected_value_costs_no_other(model, error):
    good, bad, last = ft.generate(["a", "b", "c"], model, schema=judged([None, error, None]))
    assert [each.value for each in (good, bad, last)] == ["ab", None, "ab"]
    assert [each.text for each in (good, bad, last)] == ['"ab"'] * 3
    assert (bad.finish_reason, bad.has_value, good.has_value, good.error) == ("stop", False, True, None)
    assert bad.error is error or isinstance(bad.error, ValidationError)
    one = ft.generate("a", model, schema=judged([error]))
    assert (one.text, one.value, type(one.error)) == ('"ab"', None, type(bad.error))


def test_a_validator_of_a_whole_model_keeps_the_text_too(model):
    class Never(BaseModel):
        x: Literal[1]

        @model_validator(mode="after")
        def refuse(self):
            raise ValueError("never")

    result = ft.generate("a", model, schema=Never, max_new_tokens=60)
    assert (result.text, result.value) == ('{"x": 1}', None)
    assert "never" in str(result.error)


def test_a_stream_is_whole_where_its_value_would_be_rejected(model):
    assert "".join(ft.stream("a", model, schema=judged([ValueError("no")]))) == '"ab"'


def test_retries_tell_the_model_what_was_wrong(model, monkeypatch):
    asked, make = [], call.make_requests
    monkeypatch.setattr(call, "make_requests", lambda prompts, *rest, **options: asked.append(prompts) or make(prompts, *rest, **options))
    result = ft.generate("Say it.", model, schema=judged([ValueError("too odd"), ValueError("still odd"), None]), retries=2)
    assert (result.value, result.has_value) == ("ab", True)
    assert [each.text for each in result.rejected] == ['"ab"', '"ab"']
    assert ["odd" in str(each.error) for each in result.rejected] == [True, True]
    assert asked[0] == ["Say it."]
    first, answer, wrong = asked[1][0]
    assert (first["content"], answer) == ("Say it.", {"role": "assistant", "content": '"ab"'})
    assert "rejected" in wrong["content"]
    assert "too odd" in wrong["content"]


def test_retries_end_and_keep_the_last_answer(model):
    good, bad = ft.generate(["a", "b"], model, schema=judged([None, *[ValueError("no")] * 3]), retries=2)
    assert (good.value, good.rejected) == ("ab", [])
    assert (bad.text, bad.value, len(bad.rejected)) == ('"ab"', None, 2)


def test_retries_sample_with_other_seeds_where_there_is_no_chat(model, monkeypatch):
    seeds, make = [], call.make_requests
    monkeypatch.setattr(call, "make_requests", lambda *rest, **options: seeds.append(options.get("seed", 0)) or make(*rest, **options))
    ft.generate([1, 2], model, schema=judged([ValueError("no")] * 3), retries=2, temperature=1.0, seed=3)
    assert len(set(seeds)) == 3
    with pytest.raises(UserError, match="temperature above 0"):
        ft.generate("a", model, schema=judged([]), retries=1, chat=False)
    with pytest.raises(UserError, match="there is none"):
        ft.generate("a", model, retries=1)
    with pytest.raises(UserError, match="streamed"):
        next(iter(ft.stream("a", model, schema=True, retries=1)))


@pytest.mark.parametrize(
    "rule",
    [{"schema": int}, {"schema": {"type": "number"}}, {"regex": "[0-9]+"}, {"choices": ["aaa", "aaaaaa"]}, {"constraint": "regex('a+')"}],
)
def test_a_cut_text_that_might_go_on_has_no_value(model, rule):
    cut = ft.generate("a", model, max_new_tokens=3, **rule, **endless(model))
    assert (cut.finish_reason, cut.value, cut.has_value, len(cut.text)) == ("length", None, False, 3)
    assert cut.unfinished.startswith("it was cut by max_new_tokens=3")


@pytest.mark.parametrize(("rule", "value"), [({"schema": {"enum": [123]}}, 123), ({"regex": "1{3}"}, "111"), ({"choices": ["aaa"]}, "aaa")])
def test_a_text_that_nothing_can_follow_is_whole_at_the_limit_too(model, rule, value):
    whole = ft.generate("a", model, max_new_tokens=3, **rule, **endless(model))
    assert (whole.finish_reason, whole.value, whole.unfinished) == ("stop", value, "")


def test_the_model_may_end_a_text_that_might_go_on(model):
    ended = ft.generate("a", model, max_new_tokens=9, regex="[0-9]+", logit_bias={257: 200})
    assert (ended.finish_reason, ended.value) == ("stop", ended.text)
    assert len(ended.text) == 1


def test_a_cut_names_its_place_and_has_a_partial_value(model):
    schema = {
        "type": "object",
        "properties": {"a": {"const": 1}, "b": {"type": "array", "items": {"const": "xy"}, "minItems": 9}},
        "required": ["a", "b"],
    }
    with pytest.warns(UserWarning, match=r"1 of 2 answers is unfinished \(the first: it was cut by max_new_tokens=25, at #/b\)"):
        cut, wrong = ft.generate(["a", ""], model, schema=schema, max_new_tokens=25)
    assert (cut.text, cut.partial) == ('{"a": 1, "b": ["xy", "xy"', {"a": 1, "b": ["xy", "xy"]})
    assert (cut.value, cut.unfinished) == (None, "it was cut by max_new_tokens=25, at #/b")
    assert isinstance(wrong.error, UserError)


def test_members_that_the_schema_does_not_name_are_told_with_what_leaves_them_out():
    schema = {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {}}}}}
    rule = make_rule(schema=schema)
    assert closed_advice(rule, {"a": {"b": 1, "c": 2}, "d": 3}) == "the schema does not name 'd', 'c', which closed=True leaves out"
    assert closed_advice(rule, {"a": {"b": 1}}) == closed_advice(rule, None) == ""
    assert closed_advice(make_rule(schema=schema, closed=True), {"d": 3}) == closed_advice(make_rule(regex="a"), None) == ""
