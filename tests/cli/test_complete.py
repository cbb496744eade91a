"""`foretell complete` and `ft.complete`: drafts with the model's own scores, and tables that are learned and found again."""

from __future__ import annotations

import json
import re

import pytest

import foretell as ft
from foretell.cli.common import ngram_tables
from foretell.decoding.searching.rescoring import log_probabilities

TEXT = "abc abc abc"


@pytest.fixture
def complete(foretell, tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "cache"))

    def run(*args: str, input: str | None = None):
        return foretell("complete", "--model", str(tiny), "--dtype", "bf16", *args, input=input)

    return run


def answer(result) -> dict:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_drafts_carry_the_models_own_scores(complete, tiny):
    found = answer(complete(TEXT, "--json", "-k", "2", "-n", "4"))
    model = ft.load(tiny, dtype="bf16")
    laws = log_probabilities(model, model.tokenizer.encode(TEXT), [each["tokens"] for each in found["drafts"]])
    assert [each["logprob"] for each in found["drafts"]] == pytest.approx([law.sum() for law in laws], abs=0.1)
    assert (len(found["drafts"]), found["guarantee"], found["ngrams"], found["passes"]) == (2, "lossy", None, 4)


def test_shown_drafts_time_and_law(complete):
    result = complete("-n", "4", input=TEXT + "\n")
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) == 3
    assert re.search(r"\d+ ms a keystroke, \d+ of them for perplexities, \d passes; the first completion took \d+ ms", result.stderr)
    assert "lossy: drafts of a mixed state" in result.stderr


def test_a_learned_table_is_used_from_then_on(complete, home):
    (home / "texts").mkdir()
    (home / "texts" / "a.txt").write_text("abc abc abcd " * 20)
    (home / "texts" / "b.bin").write_bytes(b"\xff\xfe\xff")
    learned = complete("--learn", "texts")
    assert learned.exit_code == 0, learned.stderr
    assert "from 1 file, 1 file skipped" in " ".join(learned.stderr.split())
    assert answer(complete(TEXT, "--json"))["ngrams"].endswith(".safetensors")
    assert answer(complete(TEXT, "--json", "--ngrams", "none"))["ngrams"] is None
    kept = complete(TEXT, "--learn", "texts/a.txt", "--ngrams", "my.ngrams", "--json")
    assert answer(kept)["ngrams"] == "my.ngrams"
    assert (home / "my.ngrams").is_file()


def test_folders_are_read_without_hidden_names_and_up_to_a_size(complete, home, monkeypatch):
    for name in ("texts/a.txt", "texts/.git/b.txt", "texts/deep/.c.txt", "texts/deep/d.txt", "more.txt"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("abc abc abcd " * 20)
    (home / "texts/deep/e.bin").write_bytes(b"abc\0abc")
    told = " ".join(complete("--learn", "texts", "--learn", "more.txt").stderr.split())
    assert "from 3 files, 1 file skipped" in told
    monkeypatch.setattr(ngram_tables, "MOST_BYTES", 500)
    refused = complete("--learn", "texts", "--learn", "more.txt")
    assert refused.exit_code != 0
    assert "--learn texts more.txt: 0 MB in 4 files are more than 0 MB; name fewer" in " ".join(refused.stderr.split())


def test_a_keystroke_is_timed_on_a_text_that_grew(complete, monkeypatch):
    asked, ask = [], ft.complete
    monkeypatch.setattr("foretell.completion.complete", lambda text, **options: asked.append(text) or ask(text, **options))
    found = answer(complete(TEXT, "--json"))
    assert asked == [TEXT[:-1], TEXT]
    assert found["keystroke_ms"] > found["rescoring_ms"] > 0 < found["first_ms"]


def test_a_conversation_adds_what_is_typed_and_takes_drafts(complete):
    result = complete("abc", "-i", "--json", "-k", "2", input=" ab\n1\n")
    answers = list(map(json.loads, result.stdout.splitlines()))
    texts = ["abc", "abc ab", "abc ab" + answers[1]["drafts"][0]["text"]]
    for said, text in zip(answers, texts, strict=True):
        alone = answer(complete(text, "--json", "-k", "2"))
        assert [draft["tokens"] for draft in said["drafts"]] == [draft["tokens"] for draft in alone["drafts"]]


def test_time_cuts_drafts(complete):
    found = answer(complete(TEXT, "--json", "--within", "0.001"))
    assert {len(draft["tokens"]) for draft in found["drafts"]} == {1}


def test_beam_search_and_refusals(complete, home):
    assert len(answer(complete(TEXT, "--json", "--search", "beam-search(k=2)"))["drafts"]) == 2
    for words, message in [
        ((TEXT, "-k", "0"), "--drafts 0 must be at least 1"),
        ((TEXT, "--search", "supperposed"), "did you mean 'superposed'"),
        ((TEXT, "--ngrams", "none.here"), "no such n-gram table"),
        ((TEXT, "--learn", "nowhere"), "no such file or folder"),
        ((TEXT, "--search", "beam-search", "--ngrams", "x"), "uses no n-gram table"),
        ((TEXT, "--within", "0"), "--within 0 must be greater than 0"),
        ((" ",), "is empty"),
    ]:
        result = complete(*words)
        assert result.exit_code != 0
        assert message in " ".join(result.stderr.split()), result.stderr


def test_a_table_of_another_tokenizer_is_refused(tiny):
    from foretell.decoding.searching.ngram_model import NGramModel

    with pytest.raises(ValueError, match="another tokenizer"):
        ft.complete(TEXT, ft.load(tiny, dtype="bf16"), ngrams=NGramModel.learn([[1, 2]], max_order=5, vocabulary="other"))


def test_the_next_keystroke_gives_what_a_new_call_gives(tiny):
    warm, cold = ft.load(tiny, dtype="bf16"), ft.load(tiny, dtype="bf16")
    ft.complete("abc ab", warm)
    ft.complete("abd", warm)
    assert [draft.tokens for draft in ft.complete("abc abc", warm).drafts] == [d.tokens for d in ft.complete("abc abc", cold).drafts]
