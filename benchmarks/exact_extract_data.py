"""Passages and questions for `exact_extract.py`: facts by template, a few-shot file in MRQA's format, and SQuAD's measures."""

from __future__ import annotations

import json
import random
import re
import string
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

FIRST = ("Mira", "Jonas", "Edith", "Tomas", "Leila", "Oskar", "Priya", "Hugo", "Ines", "Viktor", "Amara", "Felix")
LAST = ("Tanaka", "Weber", "Lindqvist", "Moreau", "Okafor", "Castellan", "Rao", "Brandt", "Silva", "Novak", "Hale", "Petrov")
THINGS = ("lamp", "clock", "piano", "carpet", "mirror", "globe", "statue", "cabinet", "painting", "telescope", "fountain", "chandelier")
PLACES = ("east hall", "library", "north tower", "kitchen", "garden room", "chapel", "reading room", "west wing", "cellar", "ballroom")
TOWNS = ("Lisbon", "Bergen", "Kyoto", "Antwerp", "Graz", "Tartu", "Bologna", "Leeds", "Porto", "Basel", "Utrecht", "Riga")
MATERIALS = ("walnut", "green marble", "brass", "blue glass", "polished steel", "cherry wood", "white silk", "black granite")


@dataclass(frozen=True)
class Item:
    """A question about a passage, and the answers that count as right."""

    passage: str
    question: str
    answers: tuple[str, ...]


def generated(num: int, seed: int = 0) -> list[Item]:
    """`num` items: a passage of four facts about four things, a question about one of them."""
    rng = random.Random(seed)
    items = []
    for number in range(num):
        facts = []
        columns = [rng.sample(each, 4) for each in (THINGS, PLACES, FIRST, LAST, TOWNS, MATERIALS)]
        years = rng.sample(range(1820, 1999), 4)
        for i, (thing, place, first, last, town, material) in enumerate(zip(*columns, strict=True)):
            who, year, what = f"{first} {last}", str(years[i]), f"the {thing} in the {place}"
            facts.append(
                rng.choice(
                    [
                        (f"The {thing} in the {place} was bought by {who} in {year}.", f"Who bought {what}?", who),
                        (f"The {thing} in the {place} was bought by {who} in {year}.", f"When was {what} bought?", year),
                        (f"The {thing} in the {place} came from {town} and is made of {material}.", f"Where did {what} come from?", town),
                        (f"The {thing} in the {place} came from {town} and is made of {material}.", f"What is {what} made of?", material),
                        (f"In {year}, {who} of {town} repaired the {thing} in the {place}.", f"Who repaired {what}?", who),
                        (f"In {year}, {who} of {town} repaired the {thing} in the {place}.", f"When was {what} repaired?", year),
                    ]
                )
            )
        _, question, answer = facts[number % 4]
        items.append(Item(" ".join(fact for fact, _, _ in facts), question, (answer,)))
    return items


def squad(path: Path) -> list[Item]:
    """The first question of each passage of a few-shot file in MRQA's format: JSON lines, after a header."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Item(row["context"], row["qas"][0]["question"], tuple(row["qas"][0]["answers"])) for row in rows if "context" in row]


def normalised(text: str) -> list[str]:
    """Words in lower case, without punctuation and articles, as SQuAD's script compares them."""
    bare = "".join(char for char in text.lower() if char not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def f1(text: str, answers: tuple[str, ...]) -> float:
    """Harmonic mean of the shares of words in common, of the answer that fits best."""

    def one(answer: str) -> float:
        said, right = normalised(text), normalised(answer)
        common = sum((Counter(said) & Counter(right)).values())
        return 2 * common / (len(said) + len(right)) if common else float(said == right)

    return max(map(one, answers))


def exact_match(text: str, answers: tuple[str, ...]) -> float:
    return float(any(normalised(text) == normalised(answer) for answer in answers))
