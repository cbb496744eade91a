"""A trie of the prefixes of texts that were drawn, with a bound on the mass below each: for methods that learn from what they drew."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from foretell.errors import UserError
from foretell.files import atomic_path

_VERSION = 1
_FLOATS = ("log_p", "log_c", "log_end", "log_rest")


class TrieFileError(UserError):
    """A trie's file cannot be read, or is of something else; the message names the file and what differs."""


@dataclass(eq=False, slots=True)
class Node:
    """A prefix. log_p: of its token after its parent. log_c: an upper bound on the mass of all that may follow, 0 at first. closed:
    the bound is the mass itself. Of a node that was visited: log_end, the mass of ending here; log_rest and num_rest, mass and
    number of the tokens that may follow and are not among the children yet. Children are made when they are visited, not before:
    where thousands of tokens may follow, a node costs no more than where two may."""

    parent: Node | None = None
    token: int = -1
    log_p: float = 0.0
    log_c: float = 0.0
    log_end: float = math.nan
    log_rest: float = math.nan
    num_rest: int = -1
    closed: bool = False
    children: dict[int, Node] = field(default_factory=dict)

    @property
    def visited(self) -> bool:
        """Whether the distribution of the token after this prefix was seen."""
        return self.num_rest >= 0


class PrefixTrie:
    """Masses in natural logarithms, float64: on long texts they underflow otherwise. Bounds never rise.

    >>> trie = PrefixTrie()
    >>> trie.visit(trie.root, np.array([0, 1, 2]), np.array([0.2, 0.3, 0.1]), stops={2})
    >>> trie.close(trie.add(trie.root, 1, 0.3), -math.inf)
    >>> trie.visit(trie.root, np.array([0, 1, 2]), np.array([0.2, 0.3, 0.1]), stops={2})
    >>> round(math.exp(trie.root.log_c), 6), len(trie)
    (0.3, 2)
    """

    def __init__(self) -> None:
        self.root = Node()
        self._size = 1

    def __len__(self) -> int:
        return self._size

    def find(self, tokens: Iterable[int]) -> Node | None:
        """The node of a prefix, or None."""
        node: Node | None = self.root
        for token in tokens:
            node = node.children.get(token) if node is not None else None
        return node

    def add(self, parent: Node, token: int, p: float) -> Node:
        """The child of a visited node, made where it is missing, whose token has probability `p`. `visit` the parent afterwards, as the
        child leaves the rest of its mass."""
        if token not in parent.children:
            parent.children[token] = Node(parent, token, _log(p))
            self._size += 1
        return parent.children[token]

    def visit(self, node: Node, ids: NDArray[np.int64], probs: NDArray[np.float64], stops: Collection[int]) -> None:
        """Note the distribution at a node: `ids` (k,), ascending, may follow with `probs` (k,), which need not sum to 1; `stops` end the
        text."""
        left = probs.copy()
        ending, known = _places(ids, stops), _places(ids, node.children)
        end = float(left[ending].sum())
        left[ending] = left[known] = 0.0
        node.log_end, node.log_rest, node.num_rest = _log(end), _log(float(left.sum())), int((left > 0).sum())
        self._settle(node)

    def close(self, node: Node, log_c: float) -> None:
        """Say that the mass below a node is known: 0 (all of it) or -infinity (none), in logarithms."""
        node.log_end, node.log_rest, node.num_rest = log_c, -math.inf, 0
        self._settle(node)

    def _settle(self, node: Node | None) -> None:
        """Carry what has changed below `node` up to the root."""
        while node is not None:
            children = node.children.values()
            mass = _log_sum([node.log_end, node.log_rest, *(child.log_p + child.log_c for child in children)])
            log_c, closed = min(node.log_c, mass), node.num_rest == 0 and all(child.closed for child in children)
            if (log_c, closed) == (node.log_c, node.closed):
                return
            node.log_c, node.closed = log_c, closed
            node = node.parent

    def save(self, path: str | Path, fingerprint: Mapping[str, str]) -> None:
        """Write the trie, and what it is of, to a file, which is replaced as a whole. Raises FileWriteError."""
        nodes, parents = [self.root], [-1]
        for number, node in enumerate(nodes):  # grows meanwhile: parents before children
            nodes += node.children.values()
            parents += [number] * len(node.children)
        arrays = {name: np.array([getattr(node, name) for node in nodes], dtype=np.float64) for name in _FLOATS}
        for name in ("token", "num_rest"):
            arrays[name] = np.array([getattr(node, name) for node in nodes], dtype=np.int64)
        head = json.dumps({"version": _VERSION, "fingerprint": dict(fingerprint)}).encode()
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                head=np.frombuffer(head, dtype=np.uint8),
                parent=np.array(parents),
                closed=np.array([node.closed for node in nodes]),
                **arrays,  # type: ignore[arg-type]
            )

    @classmethod
    def load(cls, path: str | Path, fingerprint: Mapping[str, str]) -> PrefixTrie:
        """The trie in a file; TrieFileError unless it is of what `fingerprint` says."""
        try:
            with np.load(path, allow_pickle=False) as file:
                head = json.loads(bytes(file["head"]))
                arrays = {name: file[name].tolist() for name in file.files if name != "head"}
            version, known = head["version"], dict(head["fingerprint"])
            columns = [arrays[name] for name in ("parent", "token", *_FLOATS, "num_rest", "closed")]
        except FileNotFoundError:
            raise TrieFileError(f"{path}: there is no such file; save a trie first") from None
        except (OSError, ValueError, KeyError, TypeError, BadZipFile, EOFError) as error:
            raise TrieFileError(f"{path}: not a trie ({error}); save one first") from error
        if version != _VERSION:
            raise TrieFileError(f"{path}: written in version {version!r} of the format, this is {_VERSION}; draw the samples again")
        for name in sorted({*known, *fingerprint}):
            if known.get(name) != fingerprint.get(name):
                raise TrieFileError(
                    f"{path}: the trie was made with {name} {known.get(name)!r}, not {fingerprint.get(name)!r}; use it with that, or none"
                )
        trie = cls()
        nodes: list[Node] = []
        for parent, token, *numbers in zip(*columns, strict=True):
            node = Node(nodes[parent] if parent >= 0 else None, token, *numbers)
            if node.parent is not None:
                node.parent.children[token] = node
            nodes.append(node)
        trie.root, trie._size = nodes[0], len(nodes)
        return trie


def _places(ids: NDArray[np.int64], tokens: Iterable[int]) -> NDArray[np.int64]:
    """Where in `ids` these tokens are, as far as they are there."""
    sought = np.fromiter(tokens, dtype=np.int64)
    places = ids.searchsorted(sought)
    there = places < len(ids)
    there[there] = ids[places[there]] == sought[there]
    return places[there]


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _log_sum(terms: list[float]) -> float:
    """log(sum(exp(terms)))."""
    most = max(terms)
    return most if most == -math.inf else most + math.log(math.fsum(math.exp(term - most) for term in terms))
