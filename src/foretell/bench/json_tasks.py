"""Prompts that ask for a JSON object, each with the schema of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class JsonTask:
    """A prompt and the schema of its answer.

    name: of the task. kind: of the answer, such as "card". prompt: the user's turn. schema: a JSON Schema. key_heavy: whether keys and
    punctuation, which the schema forces, are most of the answer.
    """

    name: str
    kind: str
    prompt: str
    schema: dict[str, Any]
    key_heavy: bool = False


def _object(**properties: Any) -> dict[str, Any]:
    """All properties required, and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _text(most: int = 60) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most}


def _list(items: Any, least: int = 1, most: int = 3) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


_INTEGER = {"type": "integer", "minimum": 0, "maximum": 100000}
_PRICE = {"type": "number", "minimum": 0, "maximum": 10000}
_FLAG = {"type": "boolean"}
_ARTICLE = (
    "The Ridgeway Bridge reopened on 14 June 2021 after eleven months of repairs that cost 4.2 million dollars. Mayor Helen Okafor cut the "
    "ribbon in front of about 900 people. Engineers replaced 212 steel cables and the whole eastern deck. Buses 7 and 19 cross it again."
)
_REVIEW = (
    "I bought the Auralis X2 headphones in March. The sound is warm and the battery lasts about thirty hours, but the left ear pad came "
    "loose after two weeks and support took nine days to answer. For 129 dollars I expected better. I would not buy them again."
)
_TICKET = (
    "Hello, this is Marta Lindqvist from Oakfield Dental. Since this morning our booking page shows error 503 whenever a patient picks "
    "an afternoon slot. We lose appointments, so please treat it as urgent. Call me on +46 8 555 0137 or write to marta@oakfield.example."
)

TASKS: tuple[JsonTask, ...] = (
    JsonTask(
        "person", "card", "Invent a person who works as a nurse in Lisbon and describe the person as a JSON object.",
        _object(first_name=_text(20), last_name=_text(20), age={"type": "integer", "minimum": 18, "maximum": 99}, city=_text(20),
                occupation=_text(30), married=_FLAG, languages=_list({"enum": ["Portuguese", "English", "Spanish", "French"]})),
    ),
    JsonTask(
        "character", "card", "Create a character for a fantasy game: an old wizard. Answer with a JSON object.",
        _object(character_name=_text(24), character_class={"enum": ["wizard", "warrior", "thief", "healer"]}, level=_INTEGER,
                attributes=_object(strength=_INTEGER, dexterity=_INTEGER, constitution=_INTEGER, intelligence=_INTEGER, wisdom=_INTEGER,
                                   charisma=_INTEGER),
                starting_equipment=_list(_text(24), 2, 3)),
        True,
    ),
    JsonTask(
        "product", "listing", "Write the catalogue entry of a steel water bottle as a JSON object.",
        _object(product_name=_text(40), description=_text(120), price=_PRICE, currency={"enum": ["USD", "EUR", "GBP"]}, in_stock=_FLAG,
                categories=_list(_text(20), 1, 3)),
    ),
    JsonTask(
        "laptop", "listing", "Give the technical data of a typical office laptop as a JSON object.",
        _object(manufacturer=_text(20), model_name=_text(24),
                processor=_object(number_of_cores=_INTEGER, base_frequency_ghz=_PRICE, cache_size_mb=_INTEGER),
                memory=_object(capacity_gb=_INTEGER, memory_type={"enum": ["DDR4", "DDR5"]}),
                storage=_object(capacity_gb=_INTEGER, storage_type={"enum": ["SSD", "HDD"]}),
                display=_object(diagonal_inches=_PRICE, horizontal_pixels=_INTEGER, vertical_pixels=_INTEGER),
                weight_kg=_PRICE, warranty_years=_INTEGER),
        True,
    ),
    JsonTask(
        "meeting", "event", "Plan a project meeting next Tuesday with three people and write it as a JSON calendar event.",
        _object(title=_text(40), date={"type": "string", "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])-[0-2][0-9]$"},
                start_time={"type": "string", "pattern": "^[01][0-9]:[0-5][0-9]$"}, duration_minutes=_INTEGER,
                attendees=_list(_object(name=_text(24), email=_text(32), required=_FLAG), 3, 3), notes=_text(80)),
    ),
    JsonTask(
        "weather", "event", "Write a plausible weather report for Oslo in January as a JSON object.",
        _object(location=_text(20), temperature_celsius={"type": "integer", "minimum": -40, "maximum": 45}, humidity_percent=_INTEGER,
                wind_speed_kmh=_INTEGER, wind_direction={"enum": ["north", "east", "south", "west"]}, precipitation_mm=_INTEGER,
                visibility_km=_INTEGER, condition={"enum": ["sunny", "cloudy", "rain", "snow"]}),
        True,
    ),
    JsonTask(
        "flight", "function call", "Call the function that searches flights: two adults from Berlin to Madrid on 3 May 2025, economy, "
        "direct only. Answer with the call as JSON.",
        _object(function={"const": "search_flights"},
                arguments=_object(departure_city=_text(20), arrival_city=_text(20), departure_date=_text(12),
                                  number_of_adults=_INTEGER, number_of_children=_INTEGER,
                                  cabin_class={"enum": ["economy", "business", "first"]},
                                  direct_flights_only=_FLAG)),
        True,
    ),
    JsonTask(
        "mortgage", "function call",
        "A customer borrows 250000 dollars for 30 years at 4.5 percent. Write the JSON call of calculate_mortgage.",
        _object(function={"const": "calculate_mortgage_payment"},
                arguments=_object(loan_amount=_INTEGER, annual_interest_rate=_PRICE, loan_term_years=_INTEGER,
                                  down_payment=_INTEGER, include_property_tax=_FLAG,
                                  include_insurance=_FLAG)),
        True,
    ),
    JsonTask(
        "bridge", "extraction", f"Extract the facts of this text as a JSON object.\n\n{_ARTICLE}",
        _object(structure=_text(40), reopening_date=_text(20), repair_duration_months=_INTEGER, cost=_text(30), mayor=_text(30),
                number_of_visitors=_INTEGER, cables_replaced=_INTEGER, bus_lines=_list(_INTEGER, 1, 3)),
    ),
    JsonTask(
        "review", "extraction", f"Summarise this review as a JSON object.\n\n{_REVIEW}",
        _object(product=_text(40), sentiment={"enum": ["positive", "neutral", "negative"]}, price=_PRICE, pros=_list(_text(40), 1, 2),
                cons=_list(_text(60), 1, 2), would_buy_again=_FLAG),
    ),
    JsonTask(
        "ticket", "extraction", f"Turn this message into a support ticket as a JSON object.\n\n{_TICKET}",
        _object(customer_name=_text(30), company=_text(30), email=_text(40), phone_number=_text(20),
                priority={"enum": ["low", "normal", "high", "urgent"]}, error_code=_INTEGER, summary=_text(100)),
    ),
    JsonTask(
        "recipe", "card", "Write a short recipe for pancakes as a JSON object.",
        _object(title=_text(30), servings=_INTEGER, preparation_minutes=_INTEGER, vegetarian=_FLAG,
                ingredients=_list(_object(name=_text(20), amount=_PRICE, unit={"enum": ["g", "ml", "cup", "piece", "tablespoon"]}), 3, 4),
                steps=_list(_text(80), 2, 3)),
    ),
)  # fmt: skip
