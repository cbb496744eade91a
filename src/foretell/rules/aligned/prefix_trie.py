"""A trie of the prefixes of drawn texts, with a bound on the probability mass below each node."""

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
from foretell.files import atomic_path, why_unreadable

_VERSION = 1
_FLOATS = ("log_p", "log_c", "log_end", "log_rest")


class TrieFileError(UserError):
    """A trie's file cannot be read, or was made for another request; the message names the file and what differs."""


@dataclass(eq=False, slots=True)
class PrefixNode:
    """A prefix of drawn texts. All masses are natural logarithms of probabilities.

    token, log_p: its last token, and the token's probability after the parent. log_c: an upper bound on the probability that a text that
    begins so obeys; 0 at first. is_closed: the bound is exact. Of a visited node: log_end, the probability of ending here; log_rest and
    num_rest, mass and number of the allowed tokens that are not among the children. Children are made when they are visited, so the
    size of a node does not depend on how many tokens may follow.
    """

    parent: PrefixNode | None = None
    token: int = -1
    log_p: float = 0.0
    log_c: float = 0.0
    log_end: float = math.nan
    log_rest: float = math.nan
    num_rest: int = -1
    is_closed: bool = False
    children: dict[int, PrefixNode] = field(default_factory=dict)

    @property
    def is_visited(self) -> bool:
        """Whether the distribution of the token after this prefix is known."""
        return self.num_rest >= 0


class PrefixTrie:
    """The trie. Masses are natural logarithms in float64, since probabilities of long texts underflow. Bounds never rise.

    >>> trie = PrefixTrie()
    >>> trie.visit(trie.root, np.array([0, 1, 2]), np.array([0.2, 0.3, 0.1]), stops={2})
    >>> trie.close(trie.add(trie.root, 1, 0.3), -math.inf)
    >>> trie.visit(trie.root, np.array([0, 1, 2]), np.array([0.2, 0.3, 0.1]), stops={2})
    >>> round(math.exp(trie.root.log_c), 6), len(trie)
    (0.3, 2)
    """

    def __init__(self) -> None:
        self.root = PrefixNode()
        self._size = 1

    def __len__(self) -> int:
        return self._size

    def find(self, tokens: Iterable[int]) -> PrefixNode | None:
        """The node of a prefix (token ids), or None."""
        node: PrefixNode | None = self.root
        for token in tokens:
            node = node.children.get(token) if node is not None else None
        return node

    def add(self, parent: PrefixNode, token: int, p: float) -> PrefixNode:
        """The child of a visited node, made if it is missing. p: the token's probability. Call `visit` for the parent afterwards, which
        takes the child's mass out of `log_rest`."""
        if token not in parent.children:
            parent.children[token] = PrefixNode(parent, token, _log(p))
            self._size += 1
        return parent.children[token]

    def visit(self, node: PrefixNode, ids: NDArray[np.int64], probs: NDArray[np.float64], stops: Collection[int]) -> None:
        """Record the distribution at a node. ids (k,), ascending: the allowed tokens. probs (k,): their probabilities, which sum to at
        most 1. stops: the tokens that end the text."""
        rest = probs.copy()
        ending, known = _indices(ids, stops), _indices(ids, node.children)
        end = float(rest[ending].sum())
        rest[ending] = rest[known] = 0.0
        node.log_end, node.log_rest, node.num_rest = _log(end), _log(float(rest.sum())), int((rest > 0).sum())
        self._update_bounds(node)

    def close(self, node: PrefixNode, log_c: float) -> None:
        """Set the bound of a node to its exact value. log_c: 0 (every text obeys) or -infinity (none does)."""
        node.log_end, node.log_rest, node.num_rest = log_c, -math.inf, 0
        self._update_bounds(node)

    def _update_bounds(self, node: PrefixNode | None) -> None:
        """Recompute the bounds from `node` up to the root, as far as they change."""
        while node is not None:
            children = node.children.values()
            mass = _log_sum([node.log_end, node.log_rest, *(child.log_p + child.log_c for child in children)])
            log_c, is_closed = min(node.log_c, mass), node.num_rest == 0 and all(child.is_closed for child in children)
            if (log_c, is_closed) == (node.log_c, node.is_closed):
                return
            node.log_c, node.is_closed = log_c, is_closed
            node = node.parent

    def save(self, path: str | Path, fingerprint: Mapping[str, str]) -> None:
        """Write the trie to a file, which is replaced as a whole. fingerprint: the request that it belongs to, checked by `load`.

        Errors: FileWriteError.
        """
        nodes, parents = [self.root], [-1]
        for number, node in enumerate(nodes):  # grows while it is read: parents before children
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
                closed=np.array([node.is_closed for node in nodes]),
                **arrays,  # type: ignore[arg-type]
            )

    @classmethod
    def load(cls, path: str | Path, fingerprint: Mapping[str, str]) -> PrefixTrie:
        """The trie in a file. TrieFileError unless its fingerprint is the given one."""
        try:
            with np.load(path, allow_pickle=False) as file:
                head = json.loads(bytes(file["head"]))
                arrays = {name: file[name].tolist() for name in file.files if name != "head"}
            version, known = head["version"], dict(head["fingerprint"])
            columns = [arrays[name] for name in ("parent", "token", *_FLOATS, "num_rest", "closed")]
        except FileNotFoundError:
            raise TrieFileError(f"{path}: there is no such file; save a trie first") from None
        except (OSError, ValueError, KeyError, TypeError, BadZipFile, EOFError) as error:
            raise TrieFileError(f"{path}: not a trie ({why_unreadable(error)}); save one first") from error
        if version != _VERSION:
            raise TrieFileError(f"{path}: written in version {version!r} of the format, this is {_VERSION}; draw the samples again")
        for name in sorted({*known, *fingerprint}):
            if known.get(name) != fingerprint.get(name):
                raise TrieFileError(
                    f"{path}: the trie was made with {name} {known.get(name)!r}, not {fingerprint.get(name)!r}; use it with that, or none"
                )
        trie = cls()
        nodes: list[PrefixNode] = []
        for parent, token, *numbers in zip(*columns, strict=True):
            node = PrefixNode(nodes[parent] if parent >= 0 else None, token, *numbers)
            if node.parent is not None:
                node.parent.children[token] = node
            nodes.append(node)
        trie.root, trie._size = nodes[0], len(nodes)
        return trie


def _indices(ids: NDArray[np.int64], tokens: Iterable[int]) -> NDArray[np.int64]:
    """The indices in `ids` (k,), ascending, of those of these tokens that are among them."""
    wanted = np.fromiter(tokens, dtype=np.int64)
    indices = ids.searchsorted(wanted)
    is_there = indices < len(ids)
    is_there[is_there] = ids[indices[is_there]] == wanted[is_there]
    return indices[is_there]


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _log_sum(terms: list[float]) -> float:
    """log(sum(exp(terms)))."""
    largest = max(terms)
    return largest if largest == -math.inf else largest + math.log(math.fsum(math.exp(term - largest) for term in terms))
