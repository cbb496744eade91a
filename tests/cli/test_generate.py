"""`foretell generate`: the same text as the API, however it is shown."""

from __future__ import annotations

import json
import re

import pytest

import foretell as ft
from foretell.bench.tuning.tuned_recipe import tuned_path
from tests.cli.conftest import CONTEXT, ENDS

BIAS = dict.fromkeys(ENDS, float("-inf"))
TEXT = "abc abc abc abc abc"


@pytest.fixture
def model(tiny, home):
    return ft.load(tiny, dtype="bf16")


def answer(result) -> dict:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_streams_the_text_of_the_api(generate, model):
    result = generate(TEXT, "-n", "40")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ft.generate(TEXT, model, "plain", max_new_tokens=40, logit_bias=BIAS).text + "\n"
    figures = r"40 tokens, the first after [\d.]+ s, then [\d.]+ a second, [\d.]+ a step.*; stopped by --max-new-tokens; exact\n"
    assert re.fullmatch(figures, result.stderr)


def test_verbose_says_the_recipe_and_what_it_guarantees(generate):
    lines = generate(TEXT, "-n", "5", "-v").stderr.splitlines()
    assert "prompt-lookup | token-recycling, exact, never-slower (the default recipe)" in lines
    assert "exact: the same text as plain decoding" in lines
    assert "exact: the same distribution as plain decoding" in generate(TEXT, "-n", "5", "-v", "--temperature", "1").stderr


def test_json(generate, model):
    found = answer(generate(TEXT, "-n", "30", "--json", "--recipe", "prompt-lookup, pace=4", "--logprobs", "2"))
    assert found["text"] == ft.generate(TEXT, model, "plain", max_new_tokens=30, logit_bias=BIAS).text
    assert (len(found["tokens"]), found["finish_reason"], found["guarantee"]) == (30, "length", "exact")
    assert found["recipe"] == "prompt-lookup, exact, fixed(num_nodes=4)"
    assert found["trace"]["steps"] * found["trace"]["tokens_per_step"] == pytest.approx(30)
    assert sum(found["trace"]["tokens_by_source"].values()) == 30
    assert [entry["token"] for entry in found["logprobs"]] == found["tokens"]
    assert all(len(entry["top"]) == 2 for entry in found["logprobs"])


def test_color_adds_only_escape_codes_and_a_legend(generate):
    options = (TEXT, "-n", "60", "--recipe", "prompt-lookup, pace=4")
    plain, colored = generate(*options, "--no-color"), generate(*options, "--color")
    assert "\x1b[32m" in colored.stdout
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored.stdout) == plain.stdout
    assert re.search(r"drafted by prompt-lookup \d+%; not drafted \d+%", colored.stderr)
    assert "drafted by" not in plain.stderr


def test_prompt_from_a_pipe_and_from_a_file(generate, home):
    (home / "prompt.txt").write_text(TEXT + "\n")
    whole = generate(TEXT, "-n", "9", "-q").stdout
    assert whole == generate("-n", "9", "-q", input=TEXT + "\n").stdout
    assert whole == generate("-", "-n", "9", "-q", input=TEXT).stdout
    assert whole == generate("--file", "prompt.txt", "-n", "9", "-q").stdout


def test_quiet_says_nothing_but_the_text(generate):
    assert generate(TEXT, "-n", "5", "--quiet", "--color").stderr == ""


def test_raw_and_system_change_the_prompt(generate):
    def prompt_tokens(*options):
        return answer(generate("hello", "-n", "1", "--json", *options))["trace"]["prompt_tokens"]

    assert prompt_tokens("--raw") == len("hello")
    assert prompt_tokens() == len("user: hello" + "assistant: ") + 2
    assert prompt_tokens("--system", "Be kind") == len("system: Be kind" + "user: hello" + "assistant: ") + 3


def test_sampling_follows_seed_and_options(generate):
    def tokens(*options):
        return answer(generate(TEXT, "-n", "20", "--json", *options))["tokens"]

    hot = ("--temperature", "1.5", "--top-p", "0.95", "--min-p", "0.01", "--top-k", "50")
    assert tokens(*hot, "--seed", "1") == tokens(*hot, "--seed", "1") != tokens(*hot, "--seed", "2")
    assert tokens("--logit-bias", "65=1000") == [65] * 20
    assert len(set(tokens("--frequency-penalty", "10"))) > len(set(tokens()))


def test_without_a_seed_each_text_is_another_and_its_seed_is_said(generate):
    hot = (TEXT, "-n", "20", "--temperature", "1.5")
    first, second = generate(*hot), generate(*hot)
    assert first.stdout != second.stdout
    seed = re.search(r"; seed (\d+)\n", first.stderr)[1]
    assert generate(*hot, "--seed", seed).stdout == first.stdout
    assert answer(generate(*hot, "--seed", seed, "--json"))["seed"] == int(seed)
    assert "seed" not in generate(TEXT, "-n", "5").stderr  # greedy


def test_logit_bias_takes_the_text_of_a_token(generate):
    assert generate(TEXT, "-n", "4", "-q", "--logit-bias", "Z=1000").stdout == "ZZZZ\n"


def test_stop_ends_before_the_text(generate):
    whole = generate(TEXT, "-n", "40", "-q").stdout
    stop = whole[5:8]
    assert generate(TEXT, "-n", "40", "-q", "--stop", stop, "--stop", "never this").stdout == whole[: whole.index(stop)] + "\n"


def test_logprobs_are_shown_after_the_text(generate):
    lines = generate(TEXT, "-n", "3", "-q", "--logprobs", "2").stderr.splitlines()
    assert len(lines) == 3
    assert all(re.match(r"\s+-\d+\.\d{3}  '", line) for line in lines)


def test_recipe_files(generate, model, home):
    recipe = ft.Recipe.parse("prompt-lookup(num_tokens=3), pace=3")
    path = tuned_path(model)
    path.parent.mkdir(parents=True)
    recipe.write(path)
    found = generate(TEXT, "-n", "5", "-v")
    assert f"prompt-lookup(num_tokens=3), exact, fixed(num_nodes=3) (from {path})" in found.stderr
    (home / "foretell.toml").write_text('[recipe]\ndrafter = "plain"\n')
    assert "plain, exact, never-slower (from foretell.toml)" in generate(TEXT, "-n", "5", "-v").stderr
    assert "num_nodes=3" in generate(TEXT, "-n", "5", "-v", "--recipe", str(path)).stderr
    (home / "foretell.toml").write_text('[recipe]\ndrafter = "plane"\n')
    broken = generate(TEXT)
    assert broken.exit_code == 2
    assert "did you mean 'plain'?" in broken.stderr
    assert "foretell.toml" in broken.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([""], "PROMPT is empty"),
        (["  \n "], "PROMPT is empty"),
        (["x" * CONTEXT], f"but the model was made for {CONTEXT}; shorten the prompt"),
        (["hi", "--temperature", "-1"], "--temperature -1.0 must be 0 (greedy) or a finite number above"),
        (["hi", "--temperature", "inf"], "--temperature inf must be 0 (greedy) or a finite number above"),
        (["hi", "--top-p", "0"], "--top-p 0.0 must lie in (0, 1]"),
        (["hi", "--top-k", "-3"], "--top-k -3 must be 0 (off) or above"),
        (["hi", "--temperature", "nan"], "--temperature nan must be"),
        (["hi", "--repetition-penalty", "0"], "--repetition-penalty 0.0 must be above 0"),
        (["hi", "-n", "0"], "--max-new-tokens 0 must be at least 1"),
        (["hi", "--seed", "-1"], "--seed -1 must be a whole number from 0"),
        (["hi", "--logprobs", "-1"], "--logprobs -1 must be a whole number of at least 0"),
        (["hi", "--stop", ""], "--stop"),
        (["hi", "--recipe", "prompt-lokup"], "did you mean 'prompt-lookup'?"),
        (["hi", "--recipe", "prompt-lookup(num_token=3)"], "did you mean 'num_tokens'?"),
        (["hi", "--recipe", "prompt-lookup >"], "has no drafter name at column"),
        (["hi", "--recipe", "nowhere.toml"], "nowhere.toml: No such file"),
        (["hi", "--recipe", "plain, temperature(0.5)", "--temperature", "1"], "--temperature: the recipe has its own sampler"),
        (["hi", "--logit-bias", "65"], "--logit-bias '65' must be TOKEN=X"),
        (["hi", "--logit-bias", "9999=1"], "not in the model's vocabulary of 259"),
        (["hi", "--logit-bias", "several tokens=1"], "give the id of one"),
        (["hi", "--system", "s", "--raw"], "--system needs the chat template"),
        (["hi", "--file", "also.txt"], "are both given; remove one of them"),
        (["--file", "absent.txt"], "absent.txt: No such file"),
        (["hi", "--dtype", "int9"], "did you mean 'int8'?"),
        (["hi", "--device", "gpu"], "--device gpu is unknown"),
        (["hi", "--threads", "0"], "--threads 0 must be a whole number from 1"),
        (["hi", "--model", "no/such/model"], "no model 'no/such/model'"),
    ],
)
def test_mistakes_are_one_line(generate, args, says):
    result = generate(*args, bias=False)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_bytes_that_are_not_text(generate, home):
    (home / "bytes.txt").write_bytes(b"caf\xe9")
    for result in (generate("--file", "bytes.txt"), generate(input=b"caf\xe9")):
        assert result.exit_code == 2
        assert "is not UTF-8 text (byte 3)" in result.stderr


def test_a_group_of_models_says_that_it_is_lossy(generate, tiny):
    options = (TEXT, "-n", "20", "--recipe", "prompt-lookup, pace=4", "--small", str(tiny), "--router", "random-blocks(0.5, 4)")
    result = generate(*options)
    assert result.exit_code == 0, result.stderr
    [line] = result.stderr.splitlines()
    assert re.search(r"\d+% by the large model, \d+ switch(es)?", line)
    assert "; lossy: a small and a large model take turns at random, and the text is neither's own" in line
    found = answer(generate(*options, "--json"))
    assert found["guarantee"] == "lossy"
    assert sum(found["trace"]["tokens_by_member"]) == 20
    assert found["trace"]["switches"] > 0
    # Two copies of one model: whoever speaks, the text is that model's.
    assert found["text"] == answer(generate(*options[:5], "--json"))["text"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--router", "always(1)"), "--router without --small"),
        (("--small", "x"), "--small without --router"),
        (("--small", "TINY", "--router", "alway"), "there is no router called 'alway': did you mean 'always'?"),
        (("--recipe", "plain, always"), "a router, which belongs to a group of models and not to a recipe,"),
    ],
)
def test_a_group_that_is_wrongly_named_is_refused(generate, tiny, options, says):
    result = generate(TEXT, *(str(tiny) if word == "TINY" else word for word in options))
    assert result.exit_code == 2
    assert says in result.stderr
