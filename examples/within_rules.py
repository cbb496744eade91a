"""Answers that obey a rule: a validated object, a number in a range, a label, and a span of a passage.

python examples/within_rules.py
"""

from __future__ import annotations

from pydantic import BaseModel

import foretell as ft
from foretell.rules.constraints.integers import Integers


class Person(BaseModel):
    name: str
    age: int
    city: str


model = ft.load()
passage = "The lamp in the east hall was bought by Mira Tanaka in 1987."

person = ft.generate("Ada Lovelace, 36, lives in London. Who is that, as JSON?", model, schema=Person, max_new_tokens=60)
print(f"{person.value!r}   ({person.trace.tokens_per_step:.1f} tokens a step)")

year = ft.generate("In which year did people first land on the moon?", model, constraint=Integers(1900, 2000))
print(int(year.value))

label = ft.generate("Is this review positive or negative? 'I love this film!'", model, choices=["positive", "negative"])
print(label.value)

span = ft.extract("Who bought the lamp?", passage, model)
print(f"{span.text}, proven to be the most probable span: {span.optimal}")
