"""What the fuzzer hands in: for each door of Foretell a corpus, words that its format knows, and the call that reads an input."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fuzz_models import TEMPLATE, folder_corpus, gguf_corpus, read_folder, read_gguf, read_tokenizer, tokenizer_corpus

SCHEMAS = [
    {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": "^a+$"}, "b": {"$ref": "#/$defs/c"}},
        "$defs": {"c": {"enum": [1]}},
    },
    {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "array", "items": {"$ref": "#"}, "uniqueItems": True, "minItems": 1}]},
    {"allOf": [{"not": {"const": "a"}}, {"anyOf": [{"maxLength": 3}, {"format": "date"}]}], "if": {"type": "null"}, "then": False},
    {
        "type": "object",
        "patternProperties": {"^x": {"type": "number", "multipleOf": 0.1}},
        "additionalProperties": False,
        "minProperties": 1,
    },
    {"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"]}, "contains": {"const": [1, {"a": None}]}},
    {"type": "object", "propertyNames": {"minLength": 2}, "unevaluatedProperties": {"type": ["null", "boolean"]}, "required": ["ab"]},
]
GRAMMARS = [
    'start: "a" start "b" | "ab"',
    'start: value\n?value: NUMBER | "[" [value ("," value)*] "]"\nNUMBER: /-?[0-9]+/\n%import common.WS\n%ignore WS',
    'start: A+ (b | C)*\nA: "x"i | /[^"]/\nb: "b"~2..3 -> two\nC: A A?',
    'start: t "c"\nt[lazy]: /a.*b/\n// a comment\n%ignore / +/',
    'start: "v" %json {"type": "string"} rest\nrest: | "," rest',
]
PATTERNS = [r"(ab|b)*a{1,3}", r"[^a-c\d]+\.(x|y)?", r"\p{L}{2,}(?i:z)", r"a{100}(b{2}c*)+|\x41\u{1F600}", r"(?<n>[\w-]+)@[a-z]+\.com"]
RECIPES = [
    "prompt-lookup(num_tokens=5) > token-recycling, pace=4",
    "token-recycling",
    "prompt-lookup, exact, never-slower",
    "plain, pace=1",
    '[recipe]\ndrafter = "prompt-lookup(num_tokens=5)"\nverifier = "exact"\npace = "4"\nsampler = "top-p(p=0.9)"\n',
]
TABLES = ["a,b,c\n1,2.5,x\n3,,y\n", 'when,"value, all"\n2020-01-01,1e3\n2020-01-02,NA\n', "a\n1\n2\n", "x;y\n1;2\n"]
TOOLS = [
    [{"type": "function", "function": {"name": "f", "parameters": SCHEMAS[0]}}],
    [{"name": "g", "description": "d", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}],
    [{"name": "h", "input_schema": {"type": "object"}}, {"name": "i"}],
]
TEMPLATES = [
    TEMPLATE,
    "{{ bos_token }}{% set x = namespace(n=0) %}{% for m in messages if m.role != 'system' %}{{ loop.index }}{{ m | tojson }}{% endfor %}",
    "{%- macro f(a) -%}{{ a }}{%- endmacro -%}{{ f(messages[0]['content']) }}{{ raise_exception('no') if tools else '' }}",
]


@dataclass(frozen=True)
class Target:
    """corpus: inputs to change. words: pieces to put in. read: takes an input and a folder for files; raises what Foretell raises. is_json:
    the inputs are JSON (with an empty line between several values), so that values are changed too. The corpus is taken as it is."""

    corpus: Callable[[], list[bytes]]
    words: list[str]
    read: Callable[[bytes, Path], object]
    is_json: bool = False


OPTIONS = [
    {"prompt": "abc", "max_new_tokens": 8, "temperature": 0.7, "top_k": 3, "top_p": 0.9, "min_p": 0.1, "seed": 3, "stop": ["ab"]},
    {"prompt": [{"role": "user", "content": "ab"}], "logit_bias": {"3": -1.5}, "logprobs": 2, "repetition_penalty": 1.2, "chat": True},
    {"prompt": ["a", "b"], "schema": {"type": "array", "items": {"type": "integer"}}, "bounds": {"max_digits": 3}, "max_new_tokens": 12},
    {"prompt": [0, 1], "regex": "[ab]+c", "recipe": "prompt-lookup, pace=4", "presence_penalty": 0.5, "frequency_penalty": 0.5},
    {"prompt": "a", "choices": ["a", "ab"], "ending": True, "max_batch": 2, "retries": 1, "parse_special": False},
    {"prompt": "a", "grammar": 'start: "a" start | "b"', "show_schema": False},
    {"prompt": "a", "tools": [{"name": "c", "parameters": {"type": "object"}}], "tool_choice": "auto", "parallel_tool_calls": True},
]
LISTS = [
    {"question_id": 1, "category": "text", "turns": ["a"]},
    {"schema": {"type": "integer"}, "tests": [{"valid": True, "data": 1, "description": "a"}]},
    {"type": "integer", "examples": [1, "a"]},
    {"format": 1, "foretell": "0.1.0", "checksums": {"arrays": "a"}, "estimator": {"class": "a"}, "scikit-learn": "1.7"},
    {"loss": {"exits": [1]}, "shape": {}, "settings": {}, "steps": 1},
]


def walk(state: object, rng: random.Random, num_tokens: int = 24) -> None:
    """Generate a little at random, and end where the text may end."""
    for _ in range(num_tokens):
        forced = state.forced(8)
        tokens = forced or state.allowed().ids.tolist()
        if not tokens or state.finished:
            return
        for token in forced or [rng.choice(tokens)]:
            state = state.advance(token)
            if type(state).__name__ == "EndedState":
                return


def read_schema(data: bytes, folder: Path) -> None:
    from foretell.rules.constraints.json_schema import JsonSchema
    from foretell.rules.schema_source import read_schema as read
    from foretell.rules.schemas.strings import BYTES

    path = folder / "schema.json"
    path.write_bytes(data)
    walk(JsonSchema(read(path)[0]).start(BYTES), random.Random(0))


def read_grammar(data: bytes, folder: Path) -> None:
    from foretell.rules.constraints.grammar import Grammar
    from foretell.rules.schemas.strings import BYTES

    walk(Grammar(data.decode(errors="replace")).start(BYTES), random.Random(0))


def read_pattern(data: bytes, folder: Path) -> None:
    from foretell.rules.constraints.json_schema import JsonSchema
    from foretell.rules.constraints.regex import Regex
    from foretell.rules.schemas.strings import BYTES

    pattern = data.decode(errors="replace")
    try:
        walk(Regex(pattern).start(BYTES), random.Random(0))
    except ValueError as error:
        if type(error).__name__ != "UserError":
            raise
    part = JsonSchema({"type": "string", "pattern": pattern})
    part.accepts('"abc"')
    walk(part.start(BYTES), random.Random(0))


def read_recipe(data: bytes, folder: Path) -> None:
    from foretell.catalog.part_text import parse_part
    from foretell.decoding.recipe import Recipe
    from foretell.errors import UserError

    text = data.decode(errors="replace")
    for kind in ("drafter", "constraint"):
        with suppress(UserError):
            parse_part(text, kind)
    path = folder / "recipe.toml"
    path.write_bytes(data)
    Recipe.parse(str(Recipe.read(path) if "[recipe]" in text else Recipe.parse(text)))


def read_csv(data: bytes, folder: Path) -> None:
    from foretell.errors import UserError
    from foretell.numbers.tables.reading import read_table
    from foretell.numbers.tables.series import read_series, stamps_after
    from foretell.numbers.tables.table_encoder import TableEncoder

    path = folder / "table.csv"
    path.write_bytes(data)
    table = read_table(path)
    with suppress(UserError):
        stamps_after(read_series(path), 2)
    with suppress(UserError):
        TableEncoder().fit_transform(table)
    TableEncoder(impute=True).fit_transform(table)


def read_tools(data: bytes, folder: Path) -> None:
    from foretell.errors import UserError
    from foretell.rules.constraints.json_schema import JsonSchema
    from foretell.rules.schemas.strings import BYTES
    from foretell.rules.tools import read_tools as read

    try:
        tools = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError("not JSON") from error
    found = read(tools)
    _ = found.instructions
    walk(JsonSchema(found.schema).start(BYTES), random.Random(0))


def read_template(data: bytes, folder: Path) -> None:
    from foretell.models.chat_template import rendered

    messages = [{"role": "user", "content": "a"}]
    variables = {"bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, "tools": None}
    rendered(data.decode(errors="replace"), messages=messages, **variables)


def read_arguments(data: bytes, folder: Path) -> None:
    import foretell as ft
    from foretell.errors import UserError

    try:
        options = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError("not JSON") from error
    if not isinstance(options, dict):
        options = {"prompt": options}
    options = {"prompt": "ab", **options, "model": letters_model()}
    if isinstance(options.get("retries"), int | float):
        options["retries"] = min(options["retries"], 2)
    found = ft.generate(**options)
    for result in found if isinstance(found, list) else [found]:
        if result.error is not None and not isinstance(result.error, UserError):
            raise result.error


@cache
def letters_model() -> object:
    """A random model of a few letters."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    from foretell.models.text import Text
    from foretell.models.tiny import TinyModel

    letters = '$abc1-.{}[]":, '
    tokenizer = Tokenizer(models.WordLevel({letter: i for i, letter in enumerate(letters)}, unk_token=letters[-1]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Split("", "isolated"), decoders.Fuse()
    model = TinyModel(vocab_size=len(letters), max_length=512)
    model.tokenizer = Text(tokenizer, frozenset({0}), chat_template="{% for m in messages %}{{ m.content }}{% endfor %}")
    return model


def read_lists(data: bytes, folder: Path) -> None:
    from foretell.bench.masks.cases import read_cases
    from foretell.bench.prompts import read_prompts
    from foretell.cli.common.rules import read_tools_file
    from foretell.errors import UserError
    from foretell.numbers.saving import load
    from foretell.training.network import read_card

    for name in ("a.json", "estimator.json", "training.json", "a.jsonl"):
        (folder / name).write_bytes(data)
    readers = [(read_prompts, "a.jsonl"), (read_tools_file, "a.json"), (read_card, "."), (load, "."), (read_cases, ".")]
    for read, name in readers:
        with suppress(UserError):
            read(folder / name)


def texts(*corpus: object) -> Callable[[], list[bytes]]:
    """A corpus of texts, and of values as JSON."""
    return lambda: [(each if isinstance(each, str) else json.dumps(each)).encode() for each in corpus]


_JSON = ["{", "}", "[", "]", ",", '"a":', "null", "true", "-1", "1e400", "9223372036854775808", '"\\ud800"', '""', "[[", "0.1"]
_KEYWORDS = ("type", "properties", "items", "anyOf", "allOf", "oneOf", "not", "$ref", "enum", "const", "pattern", "maxLength", "required")
_SCHEMA = [f'"{word}":' for word in _KEYWORDS]
_SCHEMA += ['"$ref": "#"', '"$ref": "#/$defs/c"', '"string"', '"object"', '"array"', "{}", '"format": "ipv6"', '"uniqueItems": true']
_REGEX = [
    "(",
    ")",
    "[",
    "]",
    "{2}",
    "{0,1000}",
    "{1000}",
    "*",
    "+?",
    "|",
    "^",
    "$",
    "\\",
    "(?=",
    "(?:",
    "\\b",
    "\\1",
    "[^",
    "\\p{L}",
    "&&",
    ".",
]
TARGETS = {
    "schemas": Target(texts(*SCHEMAS), _JSON + _SCHEMA, read_schema, is_json=True),
    "grammars": Target(
        texts(*GRAMMARS), ['"', "/", "start", ":", "\n", "%ignore ", "->", "~3", "[", "%json {", "A", "//", *_REGEX], read_grammar
    ),
    "patterns": Target(texts(*PATTERNS), _REGEX, read_pattern),
    "recipes": Target(
        texts(*RECIPES), ["(", ")", ",", "=", ">", "1e9", "-1", "None", "'", "pace", "plain", "exact", "[", "{}", "lambda"], read_recipe
    ),
    "gguf": Target(gguf_corpus, ["GGUF", "\xff" * 8, "\0" * 8, "\x09\0\0\0", "\x08\0\0\0", "llama.", "\xff\xff\xff\x7f"], read_gguf),
    "tokenizers": Target(
        tokenizer_corpus, [*_JSON, "<s>", '"Sequence"', '"WordPiece"', '"Unigram"', '"Regex":"("', "\n\n"], read_tokenizer, is_json=True
    ),
    "csv": Target(texts(*TABLES), [",", "\n", '"', "\r", "NA", "1e999", ";", "\t", "\0", "2020-13-45", "é"], read_csv),
    "tools": Target(texts(*TOOLS), _JSON + _SCHEMA + ['"function":', '"name":', '"parameters":'], read_tools, is_json=True),
    "folders": Target(
        folder_corpus,
        [*_JSON, '"model_type":', '"F32"', '"BF16"', "\n\n", '"auto_map":{}', '"quantization_config":'],
        read_folder,
        is_json=True,
    ),
    "arguments": Target(texts(*OPTIONS), [*_JSON, '"schema":', '"regex":', '"stop":', "null", "1e9"], read_arguments, is_json=True),
    "lists": Target(texts(*LISTS), [*_JSON, "\n"], read_lists, is_json=True),
    "templates": Target(
        texts(*TEMPLATES),
        ["{{", "}}", "{%", "%}", "for", "range(10**9)", "messages", "|", ".__class__", "'a' * 10**9", "9**(9**9)", "(" * 2000],
        read_template,
    ),
}
