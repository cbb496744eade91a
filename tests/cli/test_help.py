"""Help pages, completion of names, the log, and messages that speak of options: the same for every verb."""

from __future__ import annotations

import logging
import shlex

import pytest
import typer

from foretell.cli.common.app import make_app
from foretell.cli.common.completions import complete_value, model_names, part_names
from foretell.cli.common.verb import in_options

GROUP = typer.main.get_command(make_app())
EXAMPLES = [(verb, example) for verb, command in GROUP.commands.items() for example in command.examples]


@pytest.mark.parametrize("verb", GROUP.commands)
def test_every_help_page_ends_in_examples_and_names_no_type_of_a_switch(foretell, verb):
    page = foretell(verb, "--help").stdout
    assert GROUP.commands[verb].examples, f"{verb}: give its module EXAMPLES"
    assert page.rstrip().endswith(GROUP.commands[verb].examples[-1])
    assert "<bool>" not in page


@pytest.mark.parametrize(("verb", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_examples_are_command_lines_of_their_verb(verb, example):
    words = shlex.split(example)
    words = words[words.index("|") + 1 :] if "|" in words else words  # something is piped in
    assert words[:2] == ["foretell", verb]
    GROUP.commands[verb].make_context(verb, words[2:])


def test_recipes_in_examples_parse():
    from foretell.decoding.recipe import Recipe

    texts = [
        words[place + 1] for _, example in EXAMPLES for words in [shlex.split(example)] for place, word in enumerate(words) if word == "-r"
    ]
    assert texts
    for text in texts:
        Recipe.parse(text)


def test_parts_models_and_kinds_complete():
    assert part_names("token", ("drafter",)) == ["token-recycling"]
    assert part_names("token_r", ("drafter",)) == ["token-recycling"]
    assert part_names("plain,never", ("drafter", "pace")) == ["plain,never-slower"]
    assert (model_names("std"), model_names("/models/")) == (["stdlib-nested"], [])
    complete = {name: complete_value(name) for name in ("kind", "name", "constraint", "estimator", "dtype", "seed")}
    assert complete["kind"](None, None, "est") == ["estimator"]
    assert "eagle" not in complete["constraint"](None, None, "r")
    assert "regex" in complete["constraint"](None, None, "r")
    assert "histogram-regressor" in complete["estimator"](None, None, "h")
    assert complete["dtype"](None, None, "i") == ["int8"]
    assert complete["seed"] is None


@pytest.mark.parametrize(("words", "found"), [("foretell generate --recipe token", "token-recycling"), ("foretell list est", "estimator")])
def test_a_shell_asks_the_program(foretell, monkeypatch, words, found):
    monkeypatch.setenv("_FORETELL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    from typer.testing import CliRunner

    assert found in CliRunner().invoke(make_app(), [], prog_name="foretell").stdout


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("load: num_threads=0 must be a whole number from 1 to 1024", "--threads 0 must be a whole number from 1 to 1024"),
        ("load: device='gpu' is unknown, did you mean 'cuda'?", "--device gpu is unknown, did you mean 'cuda'?"),
        ("error: max_new_tokens=0 must be at least 1", "error: --max-new-tokens 0 must be at least 1"),
        ("num_logprobs=-4 must be 0 or None", "--logprobs -4 must be 0"),
        ("recipe 'plain(k=3)' has wrong options", "recipe 'plain(k=3)' has wrong options"),
        ("no model 'stop'", "no model 'stop'"),
    ],
)
def test_messages_speak_of_options(message, said):
    assert in_options(message, GROUP.commands["generate"]) == said


def test_errors_have_one_form(foretell, tiny):
    """Whether typer finds them, the arguments are refused or a library does: a line that begins alike."""
    for words in (
        ["generate", "Hi", "--top-k", "many"], ["generate", "Hi", "--nothing"], ["nothing"], ["cite"], ["generate", "Hi", "--top-k", "-1"],
        ["generate", "Hi", "-m", str(tiny), "--device", "gpu"], ["generate", "Hi", "-m", str(tiny), "--threads", "0"],
        ["generate", "Hi", "-r", "draft-model"], ["generate", "Hi", "-m", "/no/such"],
    ):  # fmt: skip
        result = foretell(*words)
        assert (result.exit_code, result.stdout) == (2, ""), words
        assert result.stderr.startswith("error: "), result.stderr
        assert result.stderr.count("\n") == 1, result.stderr
        for leak in ("num_threads", "__init__", "positional", "device=", " None"):
            assert leak not in result.stderr


@pytest.mark.parametrize("place", [0, 1])
def test_the_log_is_shown_with_v_before_and_after_the_verb(foretell, tiny, place):
    words = ["generate", "ab", "-m", str(tiny), "--dtype", "int8", "-n", "2"]
    quiet = foretell(*words)
    assert "models.load" not in quiet.stderr
    info = foretell(*words[:place], "-v", *words[place:])
    assert f"models.load: model {tiny}" in info.stderr
    assert "decoding.session: recipe " in info.stderr
    assert info.stdout == quiet.stdout
    assert "weights read from the cache" in foretell(*words[:place], "-vv", *words[place:]).stderr
    logging.getLogger("foretell").setLevel(logging.NOTSET)
