"""Instructions of ours go where the chat template takes them."""

from __future__ import annotations

import pytest

from foretell.errors import UserError
from foretell.models.instructions import with_instructions
from foretell.models.text import Text
from tests.models.tiny_tokenizers import byte_level

REFUSES = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
WRITES = "{% for m in messages %}{{ m['role'] }}:{{ m['content'] }}{% endfor %}"
IGNORES = "{% for m in messages %}{% if m['role'] != 'system' %}{{ m['content'] }}{% endif %}{% endfor %}"
USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(("template", "takes"), [(WRITES, True), (REFUSES + WRITES, False), (IGNORES, False), (None, True)])
def test_a_system_message_or_the_first_user_turn(template, takes):
    chat = with_instructions([USER, {"role": "assistant", "content": "yes"}, USER], "Be brief.", Text(byte_level(), chat_template=template))
    if takes:
        assert chat == [{"role": "system", "content": "Be brief."}, USER, {"role": "assistant", "content": "yes"}, USER]
    else:
        assert chat == [{"role": "user", "content": "Be brief.\n\nhi"}, {"role": "assistant", "content": "yes"}, USER]
    assert USER["content"] == "hi"


def test_a_system_message_that_is_there_is_continued():
    text = Text(byte_level(), chat_template=WRITES)
    system = {"role": "system", "content": "A"}
    assert with_instructions([system, USER], "B", text) == [{"role": "system", "content": "A\n\nB"}, USER]
    text.chat_template = IGNORES  # what it would not write must not hold instructions
    assert with_instructions([system, USER], "B", text) == [system, {"role": "user", "content": "B\n\nhi"}]


def test_a_chat_without_a_user_turn_is_refused():
    with pytest.raises(UserError, match="no user message"):
        with_instructions([{"role": "assistant", "content": "A"}], "B", Text(byte_level(), chat_template=REFUSES + WRITES))


def test_a_template_that_refuses_says_what_usually_helps():
    with pytest.raises(UserError, match=r"refuses these messages: System role not supported\. Most templates take .* in turn"):
        Text(byte_level(), chat_template=REFUSES).render([{"role": "system", "content": "x"}])
