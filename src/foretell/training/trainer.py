"""`Trainer`: the one training loop, for any PyTorch module and any loss. It can be interrupted anywhere and goes on.

It knows nothing about language models. Batches are a function of the step, and torch's random numbers are seeded from
(seed, step), so a run that was cut into pieces takes the same steps as one that was not.
"""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from foretell.errors import UserError
from foretell.files import atomic_path
from foretell.progress import Progress, progress_bar
from foretell.training.settings import TrainSettings

CHECKPOINT = "checkpoint.pt"
Network = TypeVar("Network", bound=nn.Module)
#: Seconds between the lines about a run whose stderr is no terminal.
LOG_SECONDS = 30.0


@dataclass
class TrainingReport:
    """What a run has come to. history: (step, held-out loss). best: (loss, step). finished: False where it was paused."""

    step: int = 0
    seconds: float = 0.0
    finished: bool = False
    best: tuple[float, int] = (math.inf, 0)
    history: list[tuple[int, float]] = field(default_factory=list)


class Trainer(Generic[Network]):
    """Fits `model` by `loss(model, batch, step)` with AdamW; `batch_at(step, size)` gives a step's batch.

    held_out: the loss to stop by, worked out on other data (None: the last training loss stands in, and nothing stops early).
    folder: where the checkpoint lives; None keeps none. `run` leaves the best weights seen
    in the model; a folder whose run has other settings is refused.

    >>> model = nn.Linear(1, 1)
    >>> x = torch.linspace(-1, 1, 8)[:, None]
    >>> fit = lambda model, batch, step: (model(x) - 3 * x).square().mean()
    >>> Trainer(model, fit, lambda step, size: x, TrainSettings(steps=200, learning_rate=0.1)).run(progress=False).finished
    True
    >>> round(model.weight.item(), 1)
    3.0
    """

    def __init__(
        self,
        model: Network,
        loss: Callable[[Network, Any, int], Tensor],
        batch_at: Callable[[int, int], Any],
        settings: TrainSettings,
        held_out: Callable[[Network], float] | None = None,
        folder: Path | str | None = None,
        name: str = "training",
    ) -> None:
        self.model, self.loss, self.batch_at, self.held_out = model, loss, batch_at, held_out
        self.settings, self.folder, self.name = settings, None if folder is None else Path(folder), name
        self.report = TrainingReport()
        self._best: dict[str, Tensor] = {}
        self._optimiser = torch.optim.AdamW(_groups(model, settings.weight_decay), lr=settings.learning_rate, betas=(0.9, 0.95))

    def run(self, pause_after: float | None = None, progress: bool = True) -> TrainingReport:
        """Train, from the checkpoint where there is one, to the end of the budget; or pause after so many seconds."""
        self._resume()
        began, last_saved, before = time.perf_counter(), time.perf_counter(), self.report.seconds
        report, settings = self.report, self.settings
        with torch.random.fork_rng(devices=[]), progress_bar(self.name, progress, LOG_SECONDS) as show:
            while not report.finished:
                self._step()
                now = time.perf_counter()
                report.seconds = before + now - began
                done = self._share_done()
                if report.step % settings.evaluate_every == 0 or done >= 1:
                    report.finished = self._evaluate() or done >= 1
                    label = f"step {report.step}, held out {report.history[-1][1]:.3f}"
                else:
                    label = ""
                show(Progress(min(done, 1.0), label, report.seconds * (1 - done) / done if 0 < done < 1 else 0.0))
                pausing = pause_after is not None and now - began >= pause_after
                if report.finished or pausing or now - last_saved > settings.checkpoint_seconds:
                    self._save()
                    last_saved = now
                if pausing:
                    break
        if report.finished and self._best:
            self.model.load_state_dict(self._best)
        return report

    def _step(self) -> None:
        report = self.report
        torch.manual_seed(self.settings.seed * 1_000_003 + report.step)
        for group in self._optimiser.param_groups:
            group["lr"] = self.settings.rate(self._share_done())
        self.model.train()
        self._optimiser.zero_grad(set_to_none=True)
        loss = self.loss(self.model, self.batch_at(report.step, self.settings.batch), report.step)
        if not torch.isfinite(loss):
            raise UserError(f"{self.name}: the loss is {float(loss.detach())} at step {report.step}; lower learning_rate")
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self._optimiser.step()
        self._loss = float(loss.detach())
        report.step += 1

    def _share_done(self) -> float:
        by_time = self.report.seconds / (60 * self.settings.minutes) if self.settings.minutes else 0.0
        return max(self.report.step / self.settings.steps, by_time)

    def _evaluate(self) -> bool:
        """Note the held-out loss; True where it is low enough or has not improved for too long."""
        report, settings = self.report, self.settings
        self.model.eval()
        with torch.no_grad():
            value = self._loss if self.held_out is None else float(self.held_out(self.model))
        report.history.append((report.step, value))
        if self.held_out is None:
            return False
        if value < report.best[0]:
            report.best = (value, report.step)
            self._best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        since = [step for step, _ in report.history if step > report.best[1]]
        reached = settings.goal is not None and value <= settings.goal
        return reached or (bool(settings.patience) and len(since) >= settings.patience)

    def _save(self) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "settings": asdict(self.settings),
            "report": asdict(self.report),
            "model": self.model.state_dict(),
            "best": self._best,
            "optimiser": self._optimiser.state_dict(),
        }
        with atomic_path(self.folder / CHECKPOINT) as temporary, temporary.open("wb") as file:
            torch.save(state, file)

    def _resume(self) -> None:
        path = None if self.folder is None else self.folder / CHECKPOINT
        if path is None or not path.is_file():
            return
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            settings, report = state["settings"], TrainingReport(**state["report"])
        except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(f"{path}: not a readable checkpoint ({type(error).__name__}); remove it to start anew") from error
        if settings != asdict(self.settings):
            changed = sorted(key for key, value in asdict(self.settings).items() if settings.get(key) != value)
            raise UserError(f"{path} belongs to a run with other settings ({', '.join(changed)}); remove it or choose another folder")
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.report, self._best = report, state["best"]
        report.history = [(step, value) for step, value in report.history]
        report.best = (report.best[0], report.best[1])


def _groups(model: nn.Module, weight_decay: float) -> Sequence[dict[str, Any]]:
    """Matrices decay towards 0; norms and biases do not."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices, vectors = [p for p in trained if p.ndim >= 2], [p for p in trained if p.ndim < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
