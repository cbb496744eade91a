"""ASAp against distributions worked out by enumeration: first sample, closed trie, bounds, files, and what it refuses."""

from __future__ import annotations

import itertools
import math
import random
from functools import cache

import pytest
from scipy.stats import chisquare

from foretell.decoding.constraint import Constraint, ConstraintState, EndedState, not_allowed_error
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.forced import Forced
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.stochastic_beam import StochasticBeam
from foretell.decoding.draws import SampledDraws, enumerate_outcomes
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.decoding.token_set import TokenSet
from foretell.decoding.verifiers.fixed_candidates import FixedCandidates
from foretell.decoding.verifiers.multi_round import MultiRound
from foretell.decoding.verifiers.recursive_rejection import RecursiveRejection
from foretell.models.base import Feed
from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import Vocabulary
from foretell.rules.aligned.prefix_trie import PrefixTrie, TrieFileError
from foretell.rules.aligned_samples import samples
from foretell.rules.constraints.asap import Asap
from foretell.rules.constraints.regex import Regex
from foretell.testing.laws import STEPPED_CURVE
from foretell.testing.models import use_small_curves
from foretell.testing.stored_rows import StoredRows

STOP = frozenset({2})
PROMPT = (0, 1, 0)
MOST = 4
#: Two texts begin alike and few go on: masking is far from the distribution.
PATTERN = "a(a|b)?|b(aa|bab)|bbb"


def tiny(seed=3, spelling=(b"a", b"b", None)):
    model = StoredRows(TinyModel(len(spelling), order=2, seed=seed, sharpness=2.0, spelling=spelling))
    model.spelling = spelling
    return model


@cache
def probabilities(model, sampler, text):
    """Of the next token, by plain decoding."""
    row = model.forward([Feed(model.new_cache(), [*PROMPT, *text], num_logits=1)])[0].logits[-1]
    return sampler.distribution(row, [*PROMPT, *text], len(PROMPT)).dense()


def masses(model, sampler, state, most, text=()):
    """{text: probability of plain decoding} of all texts that obey, and {prefix: the mass of those below it, given it}."""
    if len(text) == most:
        return ({text: 1.0} if state.accepting else {}), {text: float(state.accepting)}
    distribution, found, below = probabilities(model, sampler, text), {}, {}
    for token in state.allowed().ids.tolist():
        if token in state.vocabulary.stop_tokens:
            found[text] = found.get(text, 0.0) + distribution[token]
        elif distribution[token]:
            longer, deeper = masses(model, sampler, state.advance(token), most, (*text, token))
            found |= {word: distribution[token] * mass for word, mass in longer.items()}
            below |= deeper
    return found, below | {text: sum(found.values())}


def conditioned(model, sampler, constraint, most=MOST):
    found, _ = masses(model, sampler, constraint.start(Vocabulary.of(model, STOP), PROMPT), most)
    return {word: mass / sum(found.values()) for word, mass in found.items()}


def masked(model, sampler, state, text=(), mass=1.0):
    """The distribution of masking step by step, where masks come after the sampler."""
    if len(text) == MOST or state.finished:
        return {text: mass}
    distribution, out = probabilities(model, sampler, text), {}
    allowed = state.allowed().ids.tolist()
    for token in allowed:
        chance = mass * distribution[token] / distribution[allowed].sum()
        if token in STOP:
            out[text] = out.get(text, 0.0) + chance
        elif chance:
            for word, p in masked(model, sampler, state.advance(token), (*text, token), chance).items():
                out[word] = out.get(word, 0.0) + p
    return out


def output_distribution(model, recipe, sampler, constraint, fresh):
    """By running over every outcome. fresh: with nothing learnt, each time."""
    memory = constraint.memory(Vocabulary.of(model, STOP)) if isinstance(constraint, Asap) else None
    use_small_curves(recipe, STEPPED_CURVE, model)

    def run(draws):
        if fresh and memory:
            memory.clear()
        request = Request(PROMPT, MOST, sampler, draws, STOP, constraint=constraint)
        for _ in Session(model, recipe, STEPPED_CURVE).run([request]):
            pass
        return tuple(request.generated)

    distribution = {}
    for probability, text in enumerate_outcomes(run):
        distribution[text] = distribution.get(text, 0.0) + probability
    return distribution


def error(distribution, reference):
    assert abs(sum(distribution.values()) - 1) < 1e-9
    return max(abs(distribution.get(word, 0.0) - reference.get(word, 0.0)) for word in {*distribution, *reference})


def close(model, sampler, constraint, most=MOST):
    """Draw until all is known; the trie."""
    drawn = samples(model, PROMPT, constraint, sampler=sampler, max_new_tokens=most, stop_tokens=STOP)
    trie = constraint.memory(Vocabulary.of(model, STOP)).trie(PROMPT, sampler, most)
    for _ in itertools.islice(drawn, 3000):
        if trie.root.is_closed:
            break
    assert trie.root.is_closed
    return trie


DRAFT = TinyModel(vocab_size=3, order=1, seed=7)
RECIPES = {
    "plain": Recipe(),
    "looked up": Recipe(PromptLookup(), pace=Fixed(3)),
    "forced": Recipe(Forced(), pace=Fixed(3)),
    "chain": Recipe(DraftModel(DRAFT, (1, 1)), pace=Fixed(3)),
    "siblings": Recipe(DraftModel(DRAFT, (2, 1)), MultiRound(), Fixed(3)),
    "distinct": Recipe(DraftModel(DRAFT, (1, 2), "without-replacement"), RecursiveRejection(), Fixed(3)),
    "best": Recipe(DraftModel(DRAFT, (2, 1), "top-k"), FixedCandidates(), Fixed(4)),
    "beam": Recipe(StochasticBeam(DRAFT, 2, 2), pace=Fixed(4)),
}


@pytest.mark.parametrize("sampler", [Sampler(), make_sampler(temperature=0.7), make_sampler(temperature=1.0, repetition_penalty=1.3)])
@pytest.mark.parametrize("name", RECIPES)
def test_first_sample_is_masking_and_the_last_is_the_law(name, sampler):
    model, recipe, constraint = tiny(), RECIPES[name], Asap(Regex(PATTERN))
    first = output_distribution(model, recipe, sampler, constraint, fresh=True)
    plain_mask = masked(model, sampler, Regex(PATTERN).start(Vocabulary.of(model, STOP), PROMPT))
    assert error(first, plain_mask) < 1e-9
    distribution = conditioned(model, sampler, Regex(PATTERN))
    assert error(plain_mask, distribution) > 0.02, "the two distributions must differ for the test to say anything"
    close(model, sampler, constraint)
    assert error(output_distribution(model, recipe, sampler, constraint, fresh=False), distribution) < 1e-9


def test_one_seed_gives_masking_s_text_the_first_time():
    model = tiny()
    for seed in range(40):
        asap = Asap(Regex(PATTERN))
        asap.forget(Vocabulary.of(model, STOP))
        texts = []
        for constraint in (Regex(PATTERN), asap):
            request = Request(PROMPT, MOST, Sampler(), SampledDraws(seed), STOP, constraint=constraint)
            for _ in Session(model, Recipe()).run([request]):
                pass
            texts.append((request.generated, request.finish_reason))
        assert texts[0] == texts[1]


class Automaton(Constraint):
    """Any language that a few states can tell: `arrows` (state, token) -> state, with the states where a text may end."""

    def __init__(self, arrows, ends):
        object.__setattr__(self, "arrows", arrows)
        object.__setattr__(self, "ends", ends)

    def remember(self, vocabulary):
        return vocabulary

    def begin(self, memory, prompt=()):
        return Standing(self, memory, 0)


class Standing(ConstraintState):
    def __init__(self, automaton, vocabulary, number):
        self.automaton, self.vocabulary, self.number = automaton, vocabulary, number
        tokens = [token for state, token in automaton.arrows if state == number] + list(STOP) * (number in automaton.ends)
        self._allowed = TokenSet.of(tokens, vocabulary.size)

    def allowed(self):
        return self._allowed

    def advance(self, token):
        if not self.accepts(token):
            raise not_allowed_error(self, token)
        return (
            EndedState(self.vocabulary)
            if token in STOP
            else Standing(self.automaton, self.vocabulary, self.automaton.arrows[self.number, token])
        )


def random_automaton(coins):
    """Of four states, with dead ends."""
    arrows = {(state, token): coins.randrange(4) for state in range(4) for token in (0, 1, 3) if coins.random() < 0.6}
    return Automaton(arrows, {state for state in range(1, 4) if coins.random() < 0.5})


def test_bounds_are_never_below_the_mass_and_never_rise():
    """At every node, after every sample, of a thousand random languages, models, lengths and samplers."""
    coins, checked, closed = random.Random(0), 0, 0
    models = [tiny(seed, (b"a", b"b", None, b"c")) for seed in range(20)]
    samplers = [Sampler(), make_sampler(temperature=0.6), make_sampler(temperature=1.0, top_k=3)]
    for case in range(1000):
        model, sampler, most = models[case % len(models)], samplers[case % len(samplers)], coins.randrange(1, 4)
        constraint = Asap(random_automaton(coins))
        memory = constraint.memory(Vocabulary.of(model, STOP))
        _, true = masses(model, sampler, constraint.constraint.start(Vocabulary.of(model, STOP)), most)
        drawn = samples(model, PROMPT, constraint, sampler=sampler, max_new_tokens=most, stop_tokens=STOP, seed=case)
        if not true[()]:
            with pytest.raises(ValueError, match="every text of at most"):
                next(drawn)
            continue
        trie, last = memory.trie(PROMPT, sampler, most), {}
        for _ in range(3):
            next(drawn)
            nodes = [((), trie.root)]
            for text, node in nodes:
                nodes += [((*text, token), child) for token, child in node.children.items()]
                assert math.exp(node.log_c) >= true[text] - 1e-12
                assert not node.is_closed or math.exp(node.log_c) == pytest.approx(true[text], abs=1e-12)
                assert node.log_c <= last.get(text, math.inf)
                last[text] = node.log_c
                checked += 1
            assert len(nodes) == len(trie)
        closed += trie.root.is_closed
    assert checked > 5_000
    assert closed > 50


def test_the_bound_at_the_root_is_the_rate_of_the_free_model():
    model, sampler = tiny(), Sampler()
    rate = math.exp(close(model, sampler, Asap(Regex(PATTERN))).root.log_c)
    found, _ = masses(model, sampler, Regex(PATTERN).start(Vocabulary.of(model, STOP)), MOST)
    assert rate == pytest.approx(sum(found.values()), abs=1e-12)


@pytest.mark.parametrize("exact", [False, True])
def test_walking_the_trie_has_the_law_of_its_moment(exact):
    """That of the conditioned model: after a while, and with `exact` also where nothing is known."""
    model, sampler, rule = tiny(), Sampler(), Asap(Regex("a(aa|b)|bb"))
    distribution = conditioned(model, sampler, Regex("a(aa|b)|bb"), 3)
    memory = rule.memory(Vocabulary.of(model, STOP))
    drawn = samples(model, PROMPT, rule, sampler=sampler, max_new_tokens=3, stop_tokens=STOP, exact=exact)
    counts, num = dict.fromkeys(distribution, 0), 300 if exact else 2000
    if not exact:
        list(itertools.islice(drawn, 200))
    for _ in range(num):
        if exact:
            memory.clear()  # nothing is ever known, and yet
        counts[next(drawn).tokens] += 1
    assert chisquare(list(counts.values()), [num * distribution[word] for word in counts]).pvalue > 1e-4


def test_samples_say_how_likely_they_are():
    model, sampler = tiny(), make_sampler(temperature=0.8)
    found, _ = masses(model, sampler, Regex(PATTERN).start(Vocabulary.of(model, STOP)), MOST)
    drawn = samples(model, PROMPT, Asap(Regex(PATTERN)), sampler=sampler, max_new_tokens=MOST, stop_tokens=STOP)
    sample = next(drawn)
    assert sample.num_passes >= 2
    assert math.exp(sample.log_p) == pytest.approx(found[sample.tokens])
    close(model, sampler, Asap(Regex(PATTERN)))
    distribution = conditioned(model, sampler, Regex(PATTERN))
    for sample in itertools.islice(drawn, 60):
        assert math.exp(sample.log_p) == pytest.approx(found[sample.tokens])
        assert math.exp(sample.log_q) == pytest.approx(distribution[sample.tokens])
        assert not sample.num_passes


def test_a_saved_trie_goes_on_and_another_is_refused(tmp_path):
    model, sampler, rule = tiny(), Sampler(), Asap(Regex(PATTERN))
    drawn = samples(model, PROMPT, rule, sampler=sampler, max_new_tokens=MOST, stop_tokens=STOP)
    list(itertools.islice(drawn, 5))
    memory = rule.memory(Vocabulary.of(model, STOP))
    trie, path = memory.trie(PROMPT, sampler, MOST), tmp_path / "a.trie"
    memory.save(path, PROMPT, sampler, MOST)
    distribution = output_distribution(model, Recipe(), sampler, rule, fresh=False) if trie.root.is_closed else None
    memory.clear()
    memory.load(path, PROMPT, sampler, MOST)
    again = memory.trie(PROMPT, sampler, MOST)
    assert again is not trie
    assert contents(again) == contents(trie)
    assert distribution is None or error(output_distribution(model, Recipe(), sampler, rule, fresh=False), distribution) < 1e-12
    assert not list(tmp_path.glob(".*"))
    for what, prompt, other, most in (("prompt", (0,), sampler, MOST), ("sampler", PROMPT, make_sampler(0.5), MOST)):
        with pytest.raises(TrieFileError, match=f"with {what}"):
            memory.load(path, prompt, other, most)
    with pytest.raises(TrieFileError, match="max_new_tokens"):
        memory.load(path, PROMPT, sampler, 9)
    for other, what in ((tiny(seed=4), "model"), (tiny(spelling=(b"a", b"c", None)), "tokenizer")):
        with pytest.raises(TrieFileError, match=what):
            rule.memory(Vocabulary.of(other, STOP)).load(path, PROMPT, sampler, MOST)
    with pytest.raises(TrieFileError, match="constraint"):
        Asap(Regex("ab")).memory(Vocabulary.of(model, STOP)).load(path, PROMPT, sampler, MOST)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(TrieFileError, match="not a trie"):
        memory.load(path, PROMPT, sampler, MOST)
    with pytest.raises(TrieFileError, match="no such file"):
        PrefixTrie.load(tmp_path / "b.trie", {})


def contents(trie):
    def of(node):
        known = [node.token, node.log_p, node.log_c, repr(node.log_end), repr(node.log_rest), node.num_rest, node.is_closed]
        return known, {token: of(child) for token, child in node.children.items()}

    return of(trie.root)


def test_prompts_samplers_and_lengths_do_not_share_what_was_learnt():
    model, rule = tiny(), Asap(Regex(PATTERN))
    close(model, Sampler(), rule)
    memory = rule.memory(Vocabulary.of(model, STOP))
    assert memory.trie(PROMPT, Sampler(), MOST).root.is_closed
    for key in (((0,), Sampler(), MOST), (PROMPT, make_sampler(0.5), MOST), (PROMPT, Sampler(), MOST + 1)):
        assert not memory.trie(*key).root.is_visited


def test_a_text_cut_by_the_length_does_not_obey():
    """Plain decoding given that the text obeys: the cut ones do where they may end there."""
    model, rule = tiny(), Regex("a*b|a(aa)*")
    for most in (1, 2, 3):
        assert error(output_law_closed(model, Asap(rule), most), conditioned(model, Sampler(), rule, most)) < 1e-9


def output_law_closed(model, constraint, most):
    close(model, Sampler(), constraint, most)

    def run(draws):
        request = Request(PROMPT, most, Sampler(), draws, STOP, constraint=constraint)
        for _ in Session(model, Recipe()).run([request]):
            pass
        return tuple(request.generated)

    distribution = {}
    for probability, text in enumerate_outcomes(run):
        distribution[text] = distribution.get(text, 0.0) + probability
    return distribution


def test_requests_teach_what_samples_know():
    """By the loop alone, with drafts, in batches: the trie closes, with the cut texts too."""
    model, rule = tiny(), Asap(Regex("a*b|a(aa)*"))
    session = Session(model, RECIPES["siblings"], STEPPED_CURVE)
    use_small_curves(session.recipe, STEPPED_CURVE, model)
    requests = [Request(PROMPT, 3, Sampler(), SampledDraws(seed), STOP, constraint=rule) for seed in range(200)]
    for _ in session.run(requests, max_batch=4):
        pass
    assert rule.memory(Vocabulary.of(model, STOP)).trie(PROMPT, Sampler(), 3).root.is_closed
    last = requests[-1]
    assert last.state is not None
    assert last.state.accepting


def test_greedy_samplers_and_hopeless_rules_are_refused():
    model = tiny()
    with pytest.raises(ValueError, match="temperature above 0"):
        next(samples(model, PROMPT, Asap(Regex("ab")), sampler=Sampler(greedy=True), stop_tokens=STOP))
    with pytest.raises(ValueError, match="every text of at most 2 tokens"):
        list(itertools.islice(samples(model, PROMPT, Asap(Regex("aaab")), max_new_tokens=2, stop_tokens=STOP), 1))
    with pytest.raises(ValueError, match="constraint of another kind"):
        Asap(Asap(Regex("ab")))
    with pytest.raises(ValueError, match="at least one"):
        next(samples(model, [], Asap(Regex("ab")), stop_tokens=STOP))
    with pytest.raises(ValueError, match="no stop token"):
        next(samples(model, PROMPT, Asap(Regex("ab")), stop_tokens=frozenset()))


def test_dead_ends_are_learnt_and_can_be_stepped_out_of():
    """A rule that allows what leads nowhere: met once, then avoided; a request with a budget goes back instead."""
    model, trap = tiny(spelling=(b"a", b"b", None, b"c")), Automaton({(0, 0): 1, (0, 1): 2, (0, 3): 2, (2, 0): 2}, {2})
    rule, ends = Asap(trap), []

    def run(seed, budget):
        request = Request(PROMPT, 3, Sampler(), SampledDraws(seed), STOP, constraint=rule, max_backtracks=budget)
        for _ in Session(model, Recipe()).run([request]):
            pass
        return request

    for seed in range(60):
        request = run(seed, 0)
        ends.append(request.finish_reason)
        assert (request.finish_reason == "dead-end") == (request.generated == [0])
    assert ends.count("dead-end") == 1
    first = ends.index("dead-end")
    rule.forget(Vocabulary.of(model, STOP))
    request = run(first, 1)
    assert request.num_backtracks == 1
    assert request.finish_reason != "dead-end"
    assert request.generated[0] in (1, 3)


def test_what_was_drafted_teaches_nothing():
    """Fixed candidates give the texts of plain decoding; the tries are the same to the last bit, refused drafts or not."""
    learnt = []
    for name in ("plain", "looked up", "best"):
        model, rule, rejected = tiny(), Asap(Regex("(a|b)+")), 0
        session = Session(model, RECIPES[name], STEPPED_CURVE)
        for seed in range(20):
            request = Request(PROMPT, 6, Sampler(), SampledDraws(seed), STOP, constraint=rule)
            for _ in session.run([request]):
                pass
            rejected += sum(len(step.drafted) - len(step.accepted) for step in request.trace.steps)
        learnt.append(contents(rule.memory(Vocabulary.of(model, STOP)).trie(PROMPT, Sampler(), 6)))
        assert (rejected > 0) == (name != "plain")
    assert learnt[0] == learnt[1] == learnt[2]
