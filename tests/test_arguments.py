"""Arguments are read at the border: each has one form inside, and what has none is refused by name."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from foretell import arguments
from foretell.errors import UserError


@pytest.mark.parametrize("value", [7, 7.0, np.int8(7), np.float32(7), np.array(7), torch.tensor(7), torch.tensor(7.0)])
def test_whole_numbers(value):
    read = arguments.whole("n", value, least=1)
    assert (read, type(read)) == (7, int)


@pytest.mark.parametrize("value", [True, np.True_, 7.5, "7", None, [7], math.nan, math.inf, 1j, np.array([7]), b"7", 0, 2**63])
def test_what_is_no_whole_number(value):
    with pytest.raises(UserError, match=r"^n=.* must be a whole number of at least 1$"):
        arguments.whole("n", value, least=1)


@pytest.mark.parametrize("value", [0.5, np.float16(0.5), np.float64(0.5), np.array(0.5), torch.tensor(0.5)])
def test_numbers(value):
    read = arguments.real("x", value)
    assert (read, type(read)) == (0.5, float)


@pytest.mark.parametrize("value", [True, "0.5", None, math.nan, math.inf, -math.inf, 10**400, 1j, [0.5]])
def test_what_is_no_number(value):
    with pytest.raises(UserError, match=r"^x=.* must be a number from 0 to 1$"):
        arguments.real("x", value, least=0, most=1)


def test_whole_numbers_have_64_bits_at_most():
    assert arguments.whole("seed", 2**64 - 1, most=2**64 - 1) == 2**64 - 1
    with pytest.raises(UserError, match=r"^seed=18446744073709551616 must be a whole number of at most 18446744073709551615$"):
        arguments.whole("seed", 2**64, most=2**64 - 1)


def test_infinity_where_it_means_no_bound():
    assert arguments.real("max_seconds", math.inf, infinite=True) == math.inf
    with pytest.raises(UserError, match=r"max_seconds=nan must be a number"):
        arguments.real("max_seconds", math.nan, infinite=True)


def test_flags_and_words():
    assert arguments.flag("chat", np.True_) is True
    with pytest.raises(UserError, match=r"chat=1 must be True or False"):
        arguments.flag("chat", 1)
    assert arguments.choice("dtype", "int8", ("int8", "fp32")) == "int8"
    with pytest.raises(UserError, match=r"dtype='fp23' is unknown, did you mean 'fp32'\?"):
        arguments.choice("dtype", "fp23", ("int8", "fp32"))
    with pytest.raises(UserError, match=r"dtype=\['int8'\] is unknown"):
        arguments.choice("dtype", ["int8"], ("int8", "fp32"))


def test_texts():
    assert arguments.texts("stop", np.array(["a", "b"]).tolist()) == ("a", "b")
    for wrong, message in ((5, "must be text, or a list"), (b"a", "must be text, or a list"), (["a", 5], "stop=5 must be text")):
        with pytest.raises(UserError, match=message):
            arguments.texts("stop", wrong)
    with pytest.raises(UserError, match=r"prompt: character 1 is half a surrogate pair"):
        arguments.text("prompt", "a\ud800")


def test_biases():
    assert arguments.bias("logit_bias", {np.int64(3): -math.inf, "4": np.float32(1)}) == {3: -math.inf, 4: 1.0}
    for wrong in ([3], {"three": 1.0}, {3: math.nan}, {3: math.inf}, {-1: 0.0}, {3: "much"}):
        with pytest.raises(UserError, match="logit_bias"):
            arguments.bias("logit_bias", wrong)


CHAT = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    ("given", "read", "many"),
    [
        ("Hello", ["Hello"], False),
        (["Hello", "you"], ["Hello", "you"], True),
        (CHAT, [CHAT], False),
        ([CHAT, "Hello", (1, 2)], [CHAT, "Hello", [1, 2]], True),
        ([3, np.int32(4)], [[3, 4]], False),
        (np.array([3, 4]), [[3, 4]], False),
        (torch.tensor([3, 4]), [[3, 4]], False),
        (np.array([[3, 4], [5, 6]]), [[3, 4], [5, 6]], True),
        ([torch.tensor([3]), [4]], [[3], [4]], True),
        ((each for each in ("a", "b")), ["a", "b"], True),
        ((each for each in (3, 4)), [[3, 4]], False),
        (iter(CHAT), [CHAT], False),
        ([], [], True),
    ],
)
def test_prompts(given, read, many):
    split, is_list = arguments.split_prompts(given)
    assert ([arguments.prompt(each) for each in split], is_list) == (read, many)


@pytest.mark.parametrize(
    "wrong", [None, 5, b"Hello", {"role": "user", "content": "Hello"}, {"a"}, ["Hello"], [1, "a"], [1.5], [-1], [["a"]]]
)
def test_what_is_no_prompt(wrong):
    with pytest.raises(UserError, match="prompt"):
        arguments.prompt(wrong)


def test_content_of_messages():
    parts = [{"type": "text", "text": "Two"}, {"type": "text", "text": "lines"}]
    call = {"role": "assistant", "content": None, "tool_calls": [{"name": "f"}]}
    assert arguments.messages([{"role": "user", "content": parts}, call]) == [
        {"role": "user", "content": "Two\nlines"},
        {**call, "content": ""},
    ]
    picture = {"type": "image_url", "image_url": {"url": "data:..."}}
    for content in ([picture], 5, [5], {"type": "picture"}):
        with pytest.raises(UserError, match=r"the content of message 0 has .*it must be text"):
            arguments.messages([{"role": "user", "content": content}])
    with pytest.raises(UserError, match="message 1 is 'Hello'; it must be a dict with 'role' and 'content'"):
        arguments.messages([CHAT[0], "Hello"])


def test_a_message_that_calls_tools_needs_no_content():
    call = {"role": "assistant", "tool_calls": [{"name": "f"}]}
    assert arguments.messages([call]) == [{**call, "content": ""}]


@pytest.mark.parametrize(("given", "read"), [(True, 0), (np.True_, 0), (False, None), (0, 0), (np.int64(5), 5), (3.0, 3)])
def test_logprobs_are_a_number_or_a_switch(given, read):
    assert arguments.logprobs("logprobs", given) == read
    with pytest.raises(UserError, match="logprobs=-1 must be a whole number of at least 0"):
        arguments.logprobs("logprobs", -1)


def test_values_are_shown_in_short():
    class Rude:
        def __repr__(self):
            raise RuntimeError

    assert arguments.shown(Rude()) == "a Rude"
    assert len(arguments.shown("x" * 1000)) == 80
