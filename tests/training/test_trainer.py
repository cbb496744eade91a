"""The trainer: an interrupted run is the same run, budgets hold, checkpoints are whole, early stop keeps the best."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from foretell.errors import UserError
from foretell.training.settings import TrainSettings
from foretell.training.trainer import CHECKPOINT, Trainer


def fit(model, batch, step):
    """A loss with randomness of its own, which a resumed run must repeat."""
    return (model(batch + 0.01 * torch.randn_like(batch)) - 2 * batch).square().mean()


def batch_at(step, size):
    return torch.randn(size, 1, generator=torch.Generator().manual_seed(step))


def make(folder=None, **changes):
    torch.manual_seed(0)
    settings = TrainSettings(**{"steps": 40, "batch": 4, "learning_rate": 0.05, "evaluate_every": 10} | changes)
    return Trainer(nn.Linear(1, 1), fit, batch_at, settings, lambda model: float((model.weight - 2).abs()), folder)


def test_a_run_in_pieces_takes_the_same_steps(tmp_path):
    whole = make()
    whole.run(progress=False)
    pieces = 0
    while True:
        part = make(tmp_path)
        pieces += 1
        if part.run(pause_after=0.0, progress=False).finished:  # one step a piece
            break
    assert pieces == 40
    assert part.report.history == whole.report.history
    assert torch.equal(part.model.weight, whole.model.weight)
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]  # no temporary file stays


def test_an_error_in_the_middle_loses_nothing_that_was_saved(tmp_path):
    trainer = make(tmp_path, checkpoint_seconds=0.0)
    good = trainer.loss

    def fails(model, batch, step):
        if step == 7:
            raise KeyboardInterrupt
        return good(model, batch, step)

    trainer.loss = fails
    with pytest.raises(KeyboardInterrupt):
        trainer.run(progress=False)
    again = make(tmp_path)
    again.settings = trainer.settings
    again._resume()
    assert again.report.step == 7


def test_other_settings_and_broken_files_are_refused(tmp_path):
    make(tmp_path).run(pause_after=0.0, progress=False)
    with pytest.raises(ValueError, match="other settings \\(learning_rate\\)"):
        make(tmp_path, learning_rate=0.1).run(progress=False)
    (tmp_path / CHECKPOINT).write_bytes(b"cut short")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        make(tmp_path).run(progress=False)


def test_early_stop_keeps_the_best_weights():
    trainer = make(patience=2, steps=1000)
    values = iter([3.0, 1.0, 2.0, 2.0, 0.5])
    weights = []

    def held_out(model):
        weights.append(model.weight.detach().clone())
        return next(values)

    trainer.held_out = held_out
    report = trainer.run(progress=False)
    assert (report.step, report.best) == (40, (1.0, 20))
    assert torch.equal(trainer.model.weight, weights[1])


def test_minutes_end_a_run():
    report = make(minutes=1e-4, steps=10**9).run(progress=False)
    assert report.finished
    assert report.seconds < 5


def test_the_schedule_warms_up_and_ends_at_a_tenth():
    settings = TrainSettings(learning_rate=1.0, warmup=0.1)
    rates = [settings.rate(done / 100) for done in range(101)]
    assert rates.index(max(rates)) == 10
    assert rates[5] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.1)


def test_a_goal_ends_a_run_and_a_rate_may_stay():
    values = [value for _, value in make(evaluate_every=1).run(progress=False).history]
    ended = make(evaluate_every=1, goal=values[25]).run(progress=False)
    assert ended.finished
    assert ended.step == 1 + next(step for step, value in enumerate(values) if value <= values[25]) < 40
    assert {TrainSettings(learning_rate=0.3, warmup=0.0, last=1.0).rate(done) for done in (0.0, 0.5, 1.0)} == {0.3}


def test_what_runs_away_is_said():
    trainer = make()
    trainer.loss = lambda model, batch, step: model.weight.sum() * float("nan")
    with pytest.raises(UserError, match="lower learning_rate"):
        trainer.run(progress=False)
    for name, value in (("steps", 0), ("minutes", 0), ("learning_rate", 0), ("warmup", 1.0), ("last", 2), ("patience", -1)):
        with pytest.raises(ValueError, match=f"TrainSettings: {name}={value}"):
            TrainSettings(**{name: value})
