"""Monitors: masks against brute force, states as values, and the guarantee in the loop."""

import itertools
import random
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import foretell as ft
from foretell.decoding.constraint import EndedState
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draws import SampledDraws
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import Vocabulary
from foretell.rules.analysis.completions import CompletionCache, MonitoredRequest
from foretell.rules.analysis.monitor_state import MonitorState
from foretell.rules.constraints.monitor import Monitor
from tests.rules.analysis.fake_analyser import KNOWN, FakeAnalyser

PIECES = (
    *("x", "y", "z", "a", "b", "ab", "get", "get_", "_all", "get_all", "über", "late", "broken", "1"),
    *(".x", ".get", ".get_all", ".geta", ".y.", "x.y", "x.q", "get.x", "y(x.", "z.a+x.get", "late.q", "1."),
    *("get(", "_", "(", ")", "[", "]", ").", "..", "...", ".(", "'", "'.", "#", "\n", "~"),
)
#: Whole characters, halves of them, and tokens that write nothing.
SPELLING = (*(piece.encode() for piece in (*PIECES, " ", ".", " get")), *(bytes([byte]) for byte in "getlübr_p".encode()), b"", None, None)
VOCABULARY = Vocabulary(SPELLING, frozenset({len(SPELLING) - 1}))
STOP = len(SPELLING) - 1
BREAK = re.compile(r"[^\w\x80-\U0010ffff]")


def state_of(before="", vocabulary=VOCABULARY, analyser=None):
    return MonitorState.of(MonitoredRequest(CompletionCache(analyser or FakeAnalyser(), vocabulary, "a.py"), before.encode()))


def names_at(text):
    """The names that must follow a dot which ends `text`, read from the text and the table alone; None where all is free."""
    analyser = FakeAnalyser()
    word = re.search(r"(\w*)\.\Z", text)[1]
    return (KNOWN.get(word) or None) if analyser.is_dereference(text) else None


def stands(before: str, written: bytes):
    """Whether the rule holds for new text, and whether it may end here: by looking at each of its dots on its own. Text that ends
    within a character is judged by its bytes."""
    text, may_end = before.encode() + written, True
    for i in (match.end() for match in re.finditer(rb"\.", text)):
        names = names_at(text[:i].decode(errors="replace"))
        if names is None or len(text) < i or (i <= len(before.encode()) and not begins(names, before.encode()[i:])):
            continue
        rest = text[i:]
        whole = any(rest.startswith(name.encode()) and BREAK.match(rest[len(name.encode()) :].decode(errors="replace")) for name in names)
        if not whole and not begins(names, rest):
            return False, False
        may_end &= whole or rest.decode(errors="replace") in names
    return True, may_end


def begins(names, rest):
    return any(name.encode().startswith(rest) for name in names)


def walks(num, seed=0, length=6):
    """Random allowed paths: (before, tokens, state)."""
    rng = random.Random(seed)
    befores = ["", "x.", "y.get_all, z.", "x.ge", "x.q", "f(x", "'x.", "late.", "nobody.", "x.get", "y = x", "# x", "z.a"]
    for _ in range(num):
        before = rng.choice(befores)
        state, tokens = state_of(before), []
        for _ in range(rng.randrange(length)):
            choices = [token for token in state.allowed().ids.tolist() if token != STOP]
            leading_there = [token for token in choices if SPELLING[token] and set(SPELLING[token]) <= set(b"xyz.get_")]
            token = rng.choice(leading_there if leading_there and rng.random() < 0.8 else choices)
            state, tokens = state.advance(token), [*tokens, token]
        yield before, tokens, state


def test_masks_equal_brute_force_on_200_random_states():
    monitored = 0
    for before, tokens, state in walks(200):
        written = VOCABULARY.text(tokens)
        assert stands(before, written)[0]
        inside = state.node is not None
        monitored += inside
        expected = {STOP} if stands(before, written)[1] else set()
        for token, data in enumerate(SPELLING[:STOP]):
            if stands(before, written + data)[0] if data else not inside:
                expected.add(token)
        assert set(state.allowed().ids.tolist()) == expected, (before, written)
        assert [token for token in range(len(SPELLING)) if state.accepts(token)] == sorted(expected)
        assert state.accepting == (STOP in expected)
        assert state.finished == (expected == {STOP})
    assert 40 < monitored < 160


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_states_are_values_however_they_are_reached(data):
    before = data.draw(st.sampled_from(["", "x.", "f(y", "z.a", "late."]))
    start = state = state_of(before)
    path = [(state, state.allowed())]
    for _ in range(data.draw(st.integers(0, 6))):
        tokens = [token for token in state.allowed().ids.tolist() if token != STOP]
        if not tokens:
            break
        state = state.advance(data.draw(st.sampled_from(tokens)))
        path.append((state, state.allowed()))
        if data.draw(st.booleans()):  # roll back
            state = data.draw(st.sampled_from(path))[0]
    assert all(each.allowed() == allowed for each, allowed in path)
    replayed = state_of(before)
    for token in _cut(state.written):
        replayed = replayed.advance(token)
    assert replayed.allowed() == state.allowed()
    assert replayed.report.dereferences == state.report.dereferences
    assert start.written == b""


def _cut(written):
    """The text in other tokens: the longest that fit, which cross dots where they can."""
    return Vocabulary(SPELLING, VOCABULARY.stop_tokens).encode(written)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b"b", b"ab", b"ba", b"aa", b"(", b"b(", b".", b"x", b"x."]), min_size=1, unique=True),
    st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=4),
)
def test_no_token_leads_to_where_no_name_can_be_spelt(pieces, names):
    vocabulary = Vocabulary((*pieces, None), frozenset({len(pieces)}))
    state = state_of("x.", vocabulary, FakeAnalyser({"x": tuple(names)}))
    spelt = (
        [
            name
            for name in names
            if any("".join(p.decode() for p in some) == name for n in range(1, 5) for some in itertools.product(pieces, repeat=n))
        ]
        if len(pieces) <= 5
        else None
    )
    if spelt is not None:
        assert (state.node is not None) == bool(spelt)
        assert (state.report.dereferences[0].outcome == "known") == bool(spelt)
    reached = [state]
    for _ in range(4):
        reached = [each.advance(token) for each in reached[:8] for token in each.allowed().ids.tolist() if token < len(pieces)]
        assert all(each.allowed() for each in reached)


def test_names_of_which_one_begins_the_other():
    state = state_of("x.get")
    written = {SPELLING[token] for token in state.allowed().ids.tolist()}
    assert {b"(", b"_", b"_all", b" ", None} <= written
    assert b"x" not in written


def test_white_space_after_the_dot_is_not_offered():
    assert not state_of("x.").accepts(SPELLING.index(b" get"))


def test_a_name_that_the_prompt_began_wrongly_is_left_alone_and_told():
    state = state_of("x.q")
    assert len(state.allowed()) == VOCABULARY.size
    assert [each.outcome for each in state.report.dereferences] == ["outside"]


@pytest.mark.parametrize(
    ("before", "outcome"), [("late.", "late"), ("broken.", "failed"), ("nobody.", "unknown"), ("é = w.", "unspellable")]
)
def test_where_nothing_is_known_all_is_free_and_it_is_counted(before, outcome):
    state = state_of(before, analyser=FakeAnalyser({**KNOWN, "w": ("q", "w")}))
    report = state.report
    assert [each.outcome for each in report.dereferences] == [outcome]
    assert (report.counts.num_late, report.counts.num_failed) == (outcome == "late", outcome == "failed")
    assert outcome in str(report)
    assert set(range(len(SPELLING))) - set(state.allowed().ids.tolist()) == {SPELLING.index(b"x.q")}


def test_the_analyser_is_asked_once_a_text():
    analyser = FakeAnalyser()
    cache = CompletionCache(analyser, VOCABULARY, "a.py")
    for _ in range(2):
        state = MonitorState.of(MonitoredRequest(cache, b"x."))
        for _ in range(2):
            for token in state.allowed().ids.tolist():
                after = state.advance(token)
                if not isinstance(after, EndedState):
                    after.allowed()
                    after.forced()
    assert set(analyser.asked.values()) == {1}
    assert "x." in analyser.asked
    MonitorState.of(MonitoredRequest(cache, b"x.", version="changed")).allowed()
    assert analyser.asked["x."] == 2


def test_a_name_needs_no_analysis_of_its_own_kind():
    """Tokens that go on behind a dot are asked about only where they are likely."""
    analyser = FakeAnalyser()
    state = state_of("x", analyser=analyser)
    row = torch.full((len(SPELLING),), -20.0)
    row[SPELLING.index(b"(")] = 0.0
    assert state.distribution(Sampler(), row, [], 0).ids.tolist().count(SPELLING.index(b".get")) == 0
    assert not analyser.asked
    row[SPELLING.index(b".geta")], row[SPELLING.index(b".get")] = 3.0, -4.0
    distribution = state.distribution(Sampler(), row, [], 0)
    assert analyser.asked == {"x.": 1}
    assert SPELLING.index(b".get") in distribution.ids
    assert SPELLING.index(b".geta") not in distribution.ids
    assert state.distribution(Sampler(greedy=True), row, [], 0).ids.tolist() == [SPELLING.index(b"(")]
    row[SPELLING.index(b".get_all")] = 2.0
    assert state.distribution(Sampler(greedy=True), row, [], 0).ids.tolist() == [SPELLING.index(b".get_all")]


def test_refusals():
    state = state_of("x.")
    with pytest.raises(ValueError, match="not allowed here"):
        state.advance(SPELLING.index(b"a"))
    with pytest.raises(ValueError, match="not allowed here"):
        state.advance(STOP)
    assert isinstance(state_of("").advance(STOP), EndedState)
    assert not state.accepts(-1)
    assert not state.accepts(len(SPELLING))


def test_bad_settings(tmp_path):
    with pytest.raises(ValueError, match=r"project='.*none' must be a folder that exists"):
        Monitor(str(tmp_path / "none"))
    with pytest.raises(ValueError, match=r"path='Main.java' must end in .py"):
        Monitor(path="Main.java")
    with pytest.raises(ValueError, match="budget=0 must be above 0"):
        Monitor(budget=0)


def test_a_chat_must_say_which_code_it_continues():
    with pytest.raises(ValueError, match="pass the code that the answer continues"):
        Monitor().start(VOCABULARY, [0, STOP, 1])
    assert Monitor(before="").start(VOCABULARY, [0, STOP, 1]).request.before == b""
    assert Monitor().start(VOCABULARY, [STOP, 0, 1]).request.before == b"xy"


# In the loop, with jedi.

CODE = "class Moon:\n    ab = 1\n    abb = 2\n    ba = 3\n\nmoon = Moon()\nmoon."
LETTERS = (b"a", b"b", b"ab", b"bb", b"c", b"(", b")", b".", b" ", b"\n", b"moon", b".a", b".c", b"moon.b", None)
MODEL = TinyModel(len(LETTERS), order=2, seed=5, sharpness=2.0, spelling=LETTERS)


def run(constraint, recipe="plain", seed=0, greedy=True, length=24, model=MODEL):
    request = Request([0, 1], length, Sampler(greedy=greedy), SampledDraws(seed), frozenset({len(LETTERS) - 1}), constraint=constraint)
    for _ in Session(model, Recipe.parse(recipe), CostCurve.flat()).run([request]):
        pass
    return request


def test_every_name_after_a_monitored_dot_exists():
    names, free = set(), set()
    for seed in range(40):
        request = run(Monitor(before=CODE), seed=seed, greedy=False, length=6)
        first = request.state.report.dereferences[0]
        assert first.outcome == "known"
        assert first.name in ("ab", "abb", "ba") or (
            request.finish_reason == "length" and any(each.startswith(first.name) for each in first.candidates)
        )
        names.add(first.name)
        for each in request.state.report.monitored[:-1]:
            assert each.name in each.candidates
        text = b"".join(LETTERS[token] or b"" for token in run(None, seed=seed, greedy=False, length=6).generated)
        free.add(re.match(rb"\w*", text)[0] in (b"ab", b"abb", b"ba"))
    assert {"ab", "abb", "ba"} <= names
    assert False in free


def test_drafts_do_not_change_the_text_nor_ask_twice():
    constraint = Monitor(before=CODE)
    for seed in range(4):
        model = TinyModel(len(LETTERS), order=2, seed=seed, sharpness=2.0, spelling=LETTERS)
        plain = run(constraint, model=model)
        for recipe in ("prompt-lookup(num_tokens=3), pace=fixed(num_nodes=3)", "forced > prompt-lookup, pace=fixed(num_nodes=4)"):
            drafted = run(constraint, recipe, model=model)
            assert drafted.generated == plain.generated
            assert drafted.state.report.dereferences == plain.state.report.dereferences
            assert drafted.state.report.counts.num_reused > 0


def test_text_without_dereferences_is_the_models_own():
    spelling = tuple(b"-" if piece and b"." in piece else piece for piece in LETTERS)
    for seed in range(4):
        model = TinyModel(len(LETTERS), order=2, seed=seed, sharpness=2.0, spelling=spelling)
        for greedy in (True, False):
            free, watched = (run(each, model=model, seed=seed, greedy=greedy) for each in (None, Monitor(before="moon = 1\n")))
            assert free.generated == watched.generated
            assert not watched.state.report.dereferences


def test_a_models_own_tokens_and_a_project(tmp_path):
    (tmp_path / "orbits.py").write_text("class Moon:\n    lunar_offset = 1\n    tidal_lock = True\n\n    def wane(self) -> 'Moon': ...\n")
    model = ft.load("stdlib-nested", progress=False)
    start = "from orbits import Moon\n\n\ndef f(moon: Moon) -> int:\n    "
    for line in ("return moon.", "x = moon.wane().", "if moon.lunar_offset > moon.", "return [moon.l"):
        texts = []
        for rule in (None, Monitor(str(tmp_path), "use.py")):
            for recipe in ("plain", "prompt-lookup(num_tokens=3), pace=fixed(num_nodes=3)"):
                tokens, stops = model.tokenizer.encode(start + line), model.tokenizer.stop_tokens
                request = Request(tokens, 12, Sampler(greedy=True), SampledDraws(0), stops, constraint=rule)
                for _ in Session(model, Recipe.parse(recipe), CostCurve.flat()).run([request]):
                    pass
                texts.append(request.generated)
        assert texts[0] == texts[1] != texts[2] == texts[3]
        first = next(each for each in request.state.report.dereferences if each.code.endswith(line.rpartition(".")[0] + "."))
        assert first.outcome == "known"
        assert first.name in first.candidates
        assert not {"lunar_offset", "tidal_lock", "wane"} - set(first.candidates)


def test_the_report_says_what_the_model_wanted():
    wanted = set()
    for seed in range(24):
        request = run(Monitor(before=CODE), model=TinyModel(len(LETTERS), order=2, seed=seed, spelling=LETTERS), length=1)
        first = request.state.report.dereferences[0]
        assert (first.line, first.code) == (7, "moon.")
        wanted.add(first.wanted is not None)
    assert wanted == {True, False}
    assert "line 7: moon." in str(request.state.report)
