"""Tree templates: rank paths that define which candidates are drafted, and how to build the best template.

(0,) is the best candidate after the text, (0, 2) the third-best candidate after that one. Paths are in order of usefulness: any leading
part of a template is a template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.tree import is_prefix_closed
from foretell.errors import UserError

Template = tuple[tuple[int, ...], ...]


def as_template(paths: Iterable[Iterable[int]]) -> Template:
    """The paths as a tuple of tuples; UserError where there are none, one is repeated, or a parent is missing or comes later."""
    template = tuple(tuple(int(rank) for rank in path) for path in paths)
    if not template or any(not path or min(path) < 0 for path in template):
        raise UserError(f"template={template!r} must hold at least one path of ranks, 0 or above")
    if len(set(template)) < len(template):
        raise UserError("template: a path is there twice")
    if not is_prefix_closed(template):
        orphan = next(path for path in template if len(path) > 1 and path[:-1] not in template)
        raise UserError(f"template: path {orphan!r} lacks its parent {orphan[:-1]!r}")
    known: set[tuple[int, ...]] = {()}
    for path in template:
        if path[:-1] not in known:
            raise UserError(f"template: path {path!r} comes before its parent {path[:-1]!r}")
        known.add(path)
    return template


def best_template(acceptance: Mapping[tuple[int, int], float], curve: CostCurve | None = None, budget: int = 80) -> Template:
    """The template with the most expected tokens per second.

    acceptance: probability by (depth, rank), depth from 1, that the candidate of that rank is the target's token, given that its parent
    is. Nodes are added in order of their probability of being accepted; with a `curve`, up to the number that maximises expected tokens
    / t(1 + nodes). At most `budget` nodes; () where drafting nothing is best. UserError for probabilities outside [0, 1].

    >>> best_template({(1, 0): 0.5, (1, 1): 0.2, (2, 0): 0.5}, budget=3)
    ((0,), (0, 0), (1,))
    """
    if any(not 0 <= p <= 1 for p in acceptance.values()):
        raise UserError("best_template: acceptance must hold probabilities between 0 and 1")
    ranks: dict[int, list[int]] = {}
    for depth, rank in acceptance:
        ranks.setdefault(depth, []).append(rank)
    chosen: list[tuple[int, ...]] = []
    reach: list[float] = []
    open_: dict[tuple[int, ...], float] = {(rank,): acceptance[1, rank] for rank in ranks.get(1, [])}
    while open_ and len(chosen) < budget:
        path = min(open_, key=lambda path: (-open_[path], len(path), path))
        reach.append(open_.pop(path))
        chosen.append(path)
        for rank in ranks.get(len(path) + 1, []):
            open_[*path, rank] = reach[-1] * acceptance[len(path) + 1, rank]
    if curve is not None:
        expected, best, rate = 1.0, 0, 1.0 / curve(1)
        for num, probability in enumerate(reach, 1):
            expected += probability
            if expected / curve(1 + num) > rate:
                best, rate = num, expected / curve(1 + num)
        chosen = chosen[:best]
    return tuple(chosen)


def _children(text: str) -> list[tuple[int, ...]]:
    """ "01:3" means paths (0, 1, 0), (0, 1, 1), (0, 1, 2)."""
    paths = []
    for entry in text.split():
        parent, num = entry.split(":")
        paths += [(*map(int, parent), rank) for rank in range(int(num))]
    return paths


#: The 80 nodes of the Token Recycling paper (figure "tree template", 8/21/25/15/8/3 by depth), as children of each path, put in
#: order of the sum of (rank + 1) along the path, which is close to the order of measured usefulness.
TOKEN_RECYCLING_80: Template = tuple(
    sorted(
        _children(":8 0:8 1:4 2:3 3:2 4:1 5:1 6:1 7:1")
        + _children("00:8 01:3 02:2 03:1 04:1 05:1 06:1 07:1 10:2 11:1 20:1 30:1 40:1 50:1")
        + _children("000:5 001:2 002:1 003:1 004:1 010:1 020:1 100:1 200:1 300:1")
        + _children("0000:3 0001:1 0002:1 0010:1 0100:1 1000:1 00000:2 00010:1"),
        key=lambda path: (sum(rank + 1 for rank in path), len(path), path),
    )
)
