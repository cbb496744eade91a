"""`foretell phrases`: a file that recipes take, from given and from made-up prompts."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def phrases(foretell, tiny):
    def run(*args: str):
        return foretell("phrases", *args, "--model", str(tiny), "--dtype", "bf16")

    return run


def test_a_table_from_a_file_of_prompts_is_taken_by_a_recipe(phrases, generate, home):
    (home / "prompts.txt").write_text("abc\ndef\n")
    found = phrases("t.npz", "--prompts", "prompts.txt", "-n", "12", "--json")
    assert found.exit_code == 0, found.stderr
    facts = json.loads(found.stdout)
    assert facts["prompts"] == 2
    assert facts["contexts"] > 0
    assert facts["bytes"] == (home / "t.npz").stat().st_size
    recipe = "adaptive-ngram + stand(orders=(2, 1), scope='global', table='t.npz')"
    plain, drafted = (json.loads(generate("abc", "-n", "12", "--json", "--recipe", each).stdout) for each in ("plain", recipe))
    assert drafted["text"] == plain["text"]
    assert drafted["trace"]["tokens_per_step"] > plain["trace"]["tokens_per_step"]


def test_prompts_are_made_up_and_the_next_command_is_shown(phrases):
    found = phrases("t.npz", "--num", "3", "-n", "4")
    assert found.exit_code == 0, found.stderr
    assert "contexts from answers to" in found.stdout
    assert "foretell generate --recipe" in found.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nowhere/t.npz",), "the folder nowhere does not exist"),
        (("t.npz", "--num", "0"), "--num 0"),
        (("t.npz", "--orders", "2;1"), "--orders '2;1'"),
        (("t.npz", "--prompts", "none.txt"), "none.txt"),
    ],
)
def test_bad_options_are_refused_before_a_model_is_loaded(phrases, args, message):
    found = phrases(*args)
    assert found.exit_code != 0
    assert message in found.stderr
