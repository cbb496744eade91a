"""The outcome of a bench as one value: what was measured, on what, and the figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from foretell.bench.arms import Arm
from foretell.bench.conclusion import FASTER
from foretell.bench.machine import describe_machine, describe_versions
from foretell.bench.named_recipe import PLAIN
from foretell.bench.remarks import remarks_on
from foretell.bench.runner import BenchRun
from foretell.bench.speed_ratio import SpeedRatio
from foretell.bench.summary import ArmSummary, summarise
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.recipe import Recipe
from foretell.words import counted


@dataclass(frozen=True)
class Provenance:
    """What figures belong to. model, prompts: in words. settings: by name. machine, versions: as in `foretell.bench.machine`, described
    before the run, so that the machine's load is that of other programs."""

    model: str
    prompts: str
    settings: dict[str, Any]
    machine: dict[str, Any] = field(default_factory=describe_machine)
    versions: dict[str, str] = field(default_factory=describe_versions)


@dataclass
class BenchReport:
    """The outcome of a bench.

    machine, versions, model, prompts, settings: as in `Provenance`. arms: figures by arm. curve: the model's cost curve t(n), or None.
    left_out: peers that did not run, with the reason. remarks: what a reader must know to read the figures rightly. ended: "" where all
    was measured, else why not. seconds: of the whole run.
    """

    machine: dict[str, Any]
    versions: dict[str, str]
    model: str
    prompts: str
    settings: dict[str, Any]
    arms: list[ArmSummary]
    curve: CostCurve | None
    left_out: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    ended: str = ""
    seconds: float = 0.0

    @property
    def best(self) -> ArmSummary | None:
        """Of our own recipes the one with the best ratio to plain decoding; an exact one, if there is any. `winner` says whether it is
        shown to be faster."""
        own = [arm for arm in self.arms if not arm.is_peer and arm.speedup is not None]
        exact = [arm for arm in own if arm.guarantee == "exact"] or own
        return max(exact, key=lambda arm: arm.speedup.mean if arm.speedup else 0.0, default=None)

    @property
    def winner(self) -> ArmSummary | None:
        """The best recipe, if it is shown to be faster than plain decoding."""
        return self.best if self.best is not None and self.best.conclusion == FASTER else None

    @property
    def kinds(self) -> list[str]:
        """Kinds of prompts, in order of first appearance."""
        return list(dict.fromkeys(kind for arm in self.arms for kind in arm.by_kind))

    def shortened(self) -> dict[str, str]:
        """Recipes in full, by name; those whose name does not say all."""
        return shortened((arm.name, arm.detail) for arm in self.arms if not arm.is_peer)

    def sentence(self) -> str:
        """The outcome in one sentence, which claims no more than the measurements show."""
        best = self.best
        if best is None or best.speedup is None:
            compared = any(arm.ratios.get(PLAIN) for arm in self.arms if not arm.is_peer)
            return "No measurement is possible as it is; see the remarks." if compared else "Nothing was compared with plain decoding."
        measured = f"{best.speedup.mean:.2f} times plain decoding ({in_words(best.speedup)})"
        if not best.speedup.is_enough:
            return f"{best.name} measured {measured}: {best.conclusion}."
        if self.winner is None:
            return f"No recipe is shown to be faster than plain decoding; the best, {best.name}, measured {measured}."
        words = f"{best.name} decodes {best.tokens_per_second:.0f} tokens a second, {measured}"
        if best.identity is not None:
            differ = best.identity.unmarked
            words += f"; {differ} of {best.identity.compared} texts differ from plain's" if differ else ", with the same text"
        return f"{words}{self._beside_peers(best)}."

    def _beside_peers(self, best: ArmSummary) -> str:
        """Ratios to transformers' plain generate and to the fastest peer, as far as they ran."""
        ratios = {arm.name: best.ratios[arm.name] for arm in self.arms if arm.is_peer and arm.name in best.ratios}
        peers = {name: ratio for name, ratio in ratios.items() if ratio.is_enough}
        if not peers:
            return ""
        fastest = min(peers, key=lambda name: peers[name].mean)
        words = f"; {peers[fastest].mean:.2f} times the fastest peer, {fastest}"
        reference = "transformers"
        return words + (
            f", and {peers[reference].mean:.2f} times {reference} generate" if reference in peers and reference != fastest else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, figures rounded to four digits. "winner" is None where no recipe is shown to be faster than plain."""
        best, winner = self.best, self.winner
        figures = asdict(self)
        recipes = figures.pop("arms")
        names = {"best": best.name if best else None, "winner": winner.name if winner else None}
        data = {"summary": self.sentence(), **names, **figures, "recipes": recipes}
        for arm, entry in zip(self.arms, recipes, strict=True):
            entry["overhead"] = arm.overhead
            if arm.identity is not None:
                entry["identity"] |= {"same": arm.identity.same, "unmarked": arm.identity.unmarked}
        return _rounded(data)


def make_report(
    run: BenchRun, arms: Sequence[Arm], curve: CostCurve | None, provenance: Provenance, left_out: Mapping[str, str] | None = None
) -> BenchReport:
    """Sum up a run.

    arms: as given to the run. curve: of the model. left_out: peers that could not run, with the reason; those that failed during the run
    are added.
    """
    summaries = summarise(run, arms, curve)
    left_out = {**(left_out or {}), **run.failed}
    remarks = remarks_on(run, arms, summaries, provenance.machine)
    return BenchReport(
        **vars(provenance), arms=summaries, curve=curve, left_out=left_out, remarks=remarks, ended=run.ended, seconds=run.seconds
    )


def shortened(recipes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of recipes as (name, in full) those whose name is not the recipe itself."""
    return {name: detail for name, detail in recipes if not _says_all(name, detail)}


def _says_all(name: str, detail: str) -> bool:
    try:
        return str(Recipe.parse(name)) == detail
    except ValueError:
        return False


def in_words(ratio: SpeedRatio) -> str:
    """The interval and the number of prompts, such as "95 % interval 1.25 to 1.97, 16 prompts"."""
    prompts = counted(ratio.num, "prompt")
    interval = ratio.interval(" to ")
    return f"95 % interval {interval}, {prompts}" if interval else prompts


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {str(key): _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value
