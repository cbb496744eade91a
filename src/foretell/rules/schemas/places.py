"""What is checked while a text is written, and where: what the engine leaves open, as soon as the value in question is complete."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from foretell.rules.schemas.graph import Graph, Node
from foretell.rules.schemas.strings import has_pattern
from foretell.rules.schemas.validator import Judge

#: Verdicts that a place keeps.
_KEPT = 512


class Watch:
    """The nodes at which values are checked. relaxed: by node, the words that the engine's schema leaves open.

    A word that holds for some values only (in `anyOf`, say) is watched where the value as a whole is. watched: nodes that a value is
    validated against as a whole. alert: nodes at which, or below which, there is something to check.
    """

    def __init__(self, graph: Graph, relaxed: dict[Node, dict[str, str]], judge: Judge) -> None:
        self.relaxed, self.judge = relaxed, judge
        every = {node: [*node.same(), *node.choices(), *node.parts(), *node.rest()] for node in graph.nodes}
        loose = _reaching(every, relaxed)
        self.watched = set(relaxed) | {node for node in graph.nodes if any(each in loose for each in (*node.choices(), *node.rest()))}
        self.alert = _reaching({node: [*node.same(), *node.parts()] for node in graph.nodes}, self.watched)
        self.root = Spot(self, ((graph.root, False),))


def _reaching(edges: dict[Node, list[Node]], goals: Iterable[Node]) -> set[Node]:
    """The nodes from which a goal can be reached, goals included."""
    back: dict[Node, list[Node]] = {}
    for node, ends in edges.items():
        for end in ends:
            back.setdefault(end, []).append(node)
    found = set(goals)
    waiting = list(found)
    while waiting:
        for node in back.get(waiting.pop(), ()):
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found


class Spot:
    """A `Place` of the reader. starts: nodes that hold of the value here whatever it is, each with whether the engine left it out."""

    def __init__(self, watch: Watch, starts: tuple[tuple[Node, bool], ...]) -> None:
        self.watch = watch
        self.nodes: dict[Node, bool] = {}
        waiting = list(starts)
        while waiting:
            node, left_out = waiting.pop()
            if left_out or node not in self.nodes:
                self.nodes[node] = left_out
                for word in ("$ref", "allOf"):
                    open_ = left_out or word in watch.relaxed.get(node, ())
                    waiting += [(each, open_) for each in node.within(word) if not self.nodes.get(each)]
        self.checks = [node for node, left_out in self.nodes.items() if left_out or node in watch.watched]
        self.asks = bool(self.checks) or any(node in watch.alert for node in self.nodes)
        self.most = min((int(node.words["maxProperties"]) for node in self.nodes if "maxProperties" in node.words), default=None)
        self.growing = [
            (node, words)
            for node in self.nodes
            for words in ({"uniqueItems": True}, {"contains": 0, "maxContains": 0, "minContains": 0})
            if (node.words.get("uniqueItems") if "uniqueItems" in words else "maxContains" in node.words)
        ]
        #: Whether it matters here that a member or item is complete.
        self.minds_members = bool(self.growing) or self.most is not None
        self.children: dict[str | int, Spot] = {}
        self.verdicts: dict[bytes, bool] = {}

    def child(self, key: str | int) -> Spot:
        if not self.asks:
            return self
        kind = self._kind(key)
        if kind not in self.children:
            self.children[kind] = Spot(self.watch, tuple(self._starts(key)))
        return self.children[kind]

    def _kind(self, key: str | int) -> str | int:
        """Keys and numbers without a subschema of their own share a place; patterns make no such promise."""
        if isinstance(key, int):
            return min(key, max((len(node.words.get("prefixItems", ())) for node in self.nodes), default=0))
        return key

    def _starts(self, key: str | int) -> list[tuple[Node, bool]]:
        found: list[tuple[Node, bool]] = []
        for node, left_out in self.nodes.items():
            words, relaxed = node.words, self.watch.relaxed.get(node, {})
            if isinstance(key, int):
                prefix = words.get("prefixItems", ())
                chosen = [prefix[key]] if key < len(prefix) else [words["items"]] if "items" in words else []
                found += [(each, left_out) for each in chosen]
                continue
            loose = left_out or "patternProperties" in relaxed
            named = [words["properties"][key]] if key in words.get("properties", {}) else []
            by_pattern = [part for pattern, part in words.get("patternProperties", {}).items() if has_pattern(pattern, key)]
            found += [(each, left_out) for each in named] + [(each, loose) for each in by_pattern]
            if not named and not by_pattern and "additionalProperties" in words:
                found.append((words["additionalProperties"], loose or "additionalProperties" in relaxed))
        return found

    def name(self, key: str) -> bool:
        if not self.asks:
            return True
        if any(node.never for node in self.child(key).nodes):
            return False
        return all(self.watch.judge.valid(node.words["propertyNames"], key) for node in self.nodes if "propertyNames" in node.words)

    def complete(self, text: bytes) -> bool:
        return not self.checks or self._kept(text, self._complete)

    def grown(self, text: bytes) -> bool:
        return not self.growing or self._kept(text, self._grown)

    def more(self, count: int) -> bool:
        return self.most is None or count < self.most

    def _kept(self, text: bytes, verdict: Any) -> bool:
        if text not in self.verdicts:
            if len(self.verdicts) >= _KEPT:
                del self.verdicts[next(iter(self.verdicts))]
            self.verdicts[text] = verdict(text)
        return self.verdicts[text]

    def _complete(self, text: bytes) -> bool:
        value = parsed(text)
        return value is not None and all(self.watch.judge.valid(node, value[0]) for node in self.checks)

    def _grown(self, text: bytes) -> bool:
        value = parsed(text + b"]")
        if value is None:
            return False
        for node, words in self.growing:
            asked = {word: node.schema.get(word, 0) for word in words} | ({"minContains": 0} if "contains" in words else {})
            if not self.watch.judge.has(node, asked, value[0]):
                return False
        return True


def parsed(text: bytes) -> tuple[Any] | None:
    """The value of a JSON text; None where it is nested too deep for Python, or none at all."""
    try:
        return (json.loads(text),)
    except (RecursionError, ValueError):
        return None
