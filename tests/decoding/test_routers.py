"""Routers choose as their rule says, worked out by hand and by a second implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from foretell.decoding.routers.always import Always
from foretell.decoding.routers.entropy_adaptive import EntropyAdaptive, entropy_bits
from foretell.decoding.routers.random_blocks import RandomBlocks
from foretell.decoding.routers.token_entropy import TokenEntropy

#: Rows over 8 tokens with exactly so many bits.
ROWS = {bits: torch.tensor([0.0] * 2**bits + [-math.inf] * (8 - 2**bits)) for bits in (0, 1, 2, 3)}


def turns(router, bits: list[int]) -> list[int]:
    """Speakers when both members' rows have these entropies."""
    state, said = router.begin([1]), []
    for each in bits:
        speaker, state = router.choose(state, ROWS[each])
        said.append(speaker)
    return said


@pytest.mark.parametrize("bits", ROWS)
def test_entropy_is_in_bits_and_exact_where_it_is_whole(bits):
    assert entropy_bits(ROWS[bits]) == bits


def test_entropy_of_any_row():
    logits = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 4
    p = logits.double().softmax(-1).numpy()
    assert entropy_bits(logits) == pytest.approx(-(p * np.log2(p)).sum(), rel=1e-9)
    assert entropy_bits(torch.tensor([600.0, -300.0])) == 0


@pytest.mark.parametrize("row", [[math.nan, 1.0], [-math.inf, -math.inf], [math.inf, 0.0]])
def test_broken_rows_are_refused(row):
    with pytest.raises(ValueError, match="NaN"):
        entropy_bits(torch.tensor(row))
    with pytest.raises(ValueError, match="NaN"):
        EntropyAdaptive(1.0).choose(EntropyAdaptive(1.0).begin([0]), torch.tensor(row))


def test_turns_worked_out_by_hand():
    # Threshold 1, window 2, turns of 3 tokens. Means: 0, 1.5, 3, 1.5, 0, 0, 0, 1 (a tie), 1, 0.5, 0.5.
    rows = [0, 3, 3, 0, 0, 0, 0, 2, 0, 1, 0]
    router = EntropyAdaptive(1.0, window=2, min_duration=3)
    # The first turn lasts 3 tokens although the mean is high from the second on; row 3 (mean 1.5) calls the large model, which
    # stays 3 tokens; row 6 (mean 0) calls the small one; row 7 ties, but the small turn is 1 token old, as is row 8's tie at 2;
    # row 9 (0.5) and row 10 (0.5) are easy.
    assert turns(router, rows) == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    # Deciding after the token, row 8 is the third of the small turn, and its tie calls the large model for row 9.
    assert turns(router.replace(decide="after"), rows) == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1]
    assert turns(EntropyAdaptive(1.0, 2, 1, decide="after"), [0, 3, 0, 0, 0, 0]) == [0, 0, 1, 1, 0, 0]
    assert turns(EntropyAdaptive(1.0, 2, 1), [0, 3, 0, 0, 0, 0]) == [0, 1, 1, 0, 0, 0]


def test_a_tie_calls_the_large_model_and_keeps_it():
    assert turns(EntropyAdaptive(1.0, 1, 1), [0, 1, 1, 0, 1]) == [0, 1, 1, 0, 1]


def test_the_first_window_is_a_mean_of_fewer_rows():
    assert turns(EntropyAdaptive(1.5, window=4, min_duration=1), [0, 3, 0, 3, 3]) == [0, 1, 0, 1, 1]  # means 0, 1.5, 1, 1.5, 2.25


def test_hysteresis_keeps_the_turn_between_the_thresholds():
    assert turns(EntropyAdaptive(3.0, 1, 1, lower=1.0), [0, 2, 3, 2, 1, 2]) == [0, 0, 1, 1, 0, 0]


def test_the_start_and_the_ends():
    inf = math.inf
    assert turns(EntropyAdaptive(inf, 1, 1), [3, 3, 3]) == [0, 0, 0]
    assert turns(EntropyAdaptive(-inf, 1, 1, start="large"), [0, 0, 0]) == [1, 1, 1]
    assert turns(EntropyAdaptive(-inf, 1, 2), [0, 0, 0]) == [0, 0, 1]
    assert turns(EntropyAdaptive(1.0, 1, 2, start="large"), [0, 0, 0]) == [1, 1, 0]


def reference(bits, threshold, window, min_duration):
    """The rule written a second time, as a loop over lists."""
    said: list[int] = []
    active, since = 0, 0
    for t in range(len(bits)):
        mean = np.mean(bits[max(0, t + 1 - window) : t + 1])
        if since >= min_duration:
            wish = 1 if mean >= threshold else 0
            if wish != active:
                active, since = wish, 0
        said.append(active)
        since += 1
    return said


@pytest.mark.parametrize(("window", "min_duration"), [(1, 1), (5, 10), (3, 2), (10, 1)])
def test_turns_agree_with_a_second_implementation(window, min_duration):
    bits = np.random.default_rng(0).integers(0, 4, 400).tolist()
    assert turns(EntropyAdaptive(1.5, window, min_duration), bits) == reference(bits, 1.5, window, min_duration)
    assert turns(TokenEntropy(2.0), bits) == reference(bits, 2.0, 1, 1)


def test_who_is_heard():
    router = EntropyAdaptive(1.0, 1, 1)
    large = router.begin([0])._replace(speaker=1)
    assert (router.listener(router.begin([0])), router.listener(large)) == (0, 1)
    assert router.replace(signal="small").listener(large) == 0
    assert Always(1).listener(None) is RandomBlocks(0.5).listener(None) is None


def test_random_blocks_have_their_share_and_length():
    said = []
    for prompt in range(300):
        router = RandomBlocks(0.3, mean_length=5.0)
        state, speaker = router.begin([prompt, 7]), 0
        for _ in range(100):
            speaker, state = router.choose(state, None)
            said.append(speaker)
    assert np.mean(said) == pytest.approx(0.3, abs=0.02)
    lengths = np.diff(np.flatnonzero(np.diff([0, *said, 0])))[::2]
    assert lengths.mean() == pytest.approx(5, abs=0.6)  # blocks are cut at texts' ends


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EntropyAdaptive(-0.1), "threshold=-0.1 must be 0 bits or above, or -inf"),
        (lambda: EntropyAdaptive(math.nan), "threshold=nan must be 0 bits"),
        (lambda: EntropyAdaptive(1.0, window=0), "window=0 must be at least 1"),
        (lambda: EntropyAdaptive(1.0, min_duration=0), "min_duration=0 must be at least 1"),
        (lambda: EntropyAdaptive(1.0, lower=2.0), "lower=2.0 must lie between 0 and the threshold"),
        (lambda: EntropyAdaptive(1.0, signal="large"), "signal='large' must be one of active, small"),
        (lambda: EntropyAdaptive(1.0, decide="never"), "decide='never'"),
        (lambda: EntropyAdaptive(1.0, start="both"), "start='both'"),
        (lambda: TokenEntropy(-1.0), "threshold=-1.0"),
        (lambda: Always(-1), "member=-1 must be a number from 0 on"),
        (lambda: RandomBlocks(1.0), "share=1.0 must lie between 0 and 1"),
        (lambda: RandomBlocks(0.9, mean_length=2.0), "mean_length=2.0 must be at least 9 tokens"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
