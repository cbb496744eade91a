"""Whether every rule of a context-free grammar derives a word of finite length."""

from __future__ import annotations

from typing import Any

from foretell.rules.grammars.grammar_state import GrammarError

#: A token of a rule's body: (kind, text).
_Token = tuple[str, str]
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def check_words_end(rules: dict[str, list[_Token]]) -> None:
    """GrammarError for a rule that derives no finite word. rules: the tokens of each rule's body, by name; names that have no rule stand
    for a word."""
    bodies = {name: _Body(tokens).alternatives() for name, tokens in rules.items()}
    ending: set[str] = set()
    waiting: dict[str, list[str]] = {}  # rules by the name that each of their alternatives last failed at
    queue = list(bodies)
    while queue:
        name = queue.pop()
        if name in ending:
            continue
        missing: set[str] = set()
        if _ends(bodies[name], lambda each: each in ending or each not in bodies, missing):
            ending.add(name)
            queue += waiting.pop(name, ())
        else:
            for each in missing:
                waiting.setdefault(each, []).append(name)
    endless = [name for name in bodies if name not in ending]
    if endless:
        raise GrammarError(f"rule `{endless[0]}` has no finite word, since each alternative leads to such a rule; add one that ends")


def _ends(alternatives: list[list[Any]], is_known: Any, missing: set[str]) -> bool:
    """Whether some alternative consists of known names. missing: gets the first unknown name of each that does not."""
    for sequence in alternatives:
        for item in sequence:
            if isinstance(item, str):
                if not is_known(item):
                    missing.add(item)
                    break
            elif not _ends(item, is_known, missing):
                break
        else:
            return True
    return False


class _Body:
    """A parser of a rule's body. Alternatives are lists of sequences; a sequence has names and groups, which are alternatives again. What
    may be left out is not kept, and neither are literals."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at = tokens, 0

    def alternatives(self, closing: str = "") -> list[list[Any]]:
        """The alternatives up to a closing bracket, or the end."""
        found: list[list[Any]] = [[]]
        while self.at < len(self.tokens):
            kind, text = self.tokens[self.at]
            self.at += 1
            if kind == "operator" and text == closing:
                break
            if kind == "operator" and text == "|":
                found.append([])
            elif kind == "operator" and text == "->":
                self.at += 1  # the alias
            elif kind == "name" or (kind == "operator" and text in "(["):
                item = text if kind == "name" else self.alternatives(_CLOSING[text])
                if not self._is_optional() and text != "[":
                    found[-1].append(item)
        return found

    def _is_optional(self) -> bool:
        """Whether what was just read may be left out."""
        rest = [text for _, text in self.tokens[self.at : self.at + 2]]
        return rest[:1] in (["?"], ["*"]) or (rest[:1] in (["~"], ["{"]) and rest[1:] in (["0"], [","]))
