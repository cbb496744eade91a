"""What the fuzzer hands in: for each door of Foretell a corpus, words that its format knows, and the call that reads an input."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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
PATTERNS = [r"(ab|b)*a{1,3}", r"[^a-c\d]+\.(x|y)?", r"\p{L}{2,}(?i:z)", r"a{100}(b{2}c*)+|\x41\u{1F600}", r"(?P<n>[\w-]+)@[a-z]+\.com"]
RECIPES = [
    "prompt-lookup(num_tokens=5) > token-recycling, pace=4",
    "token-recycling",
    "prompt-lookup, exact, never-slower",
    "plain, pace=1",
]
TABLES = ["a,b,c\n1,2.5,x\n3,,y\n", 'when,"value, all"\n2020-01-01,1e3\n2020-01-02,NA\n', "a\n1\n2\n", "x;y\n1;2\n"]
TOOLS = [
    [{"type": "function", "function": {"name": "f", "parameters": SCHEMAS[0]}}],
    [{"name": "g", "description": "d", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}],
    [{"name": "h", "input_schema": {"type": "object"}}, {"name": "i"}],
]
TEMPLATES = [
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m.content | trim }}{% endfor %}{% if add_generation_prompt %}<|a|>{% endif %}",
    "{{ bos_token }}{% set x = namespace(n=0) %}{% for m in messages if m.role != 'system' %}{{ loop.index }}{{ m | tojson }}{% endfor %}",
    "{%- macro f(a) -%}{{ a }}{%- endmacro -%}{{ f(messages[0]['content']) }}{{ raise_exception('no') if tools else '' }}",
]


@dataclass(frozen=True)
class Target:
    """corpus: inputs to change. words: pieces to put in. read: takes an input and a folder for files; raises what Foretell raises. is_json:
    the inputs are JSON (with an empty line between several values), so that values are changed too."""

    corpus: Callable[[], list[bytes]]
    words: list[str]
    read: Callable[[bytes, Path], object]
    is_json: bool = False


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
    Recipe.parse(str(Recipe.parse(text)))


def gguf_corpus() -> list[bytes]:
    """A header with a little of everything and one tensor."""
    import struct

    def string(text: str) -> bytes:
        return struct.pack("<Q", len(text)) + text.encode()

    def entry(key: str, value: object) -> bytes:
        if isinstance(value, list):
            is_text = isinstance(value[0], str)
            items = b"".join(string(each) if is_text else struct.pack("<i", each) for each in value)
            return string(key) + struct.pack("<IIQ", 9, 8 if is_text else 5, len(value)) + items
        if isinstance(value, str):
            return string(key) + struct.pack("<I", 8) + string(value)
        return string(key) + (struct.pack("<If", 6, value) if isinstance(value, float) else struct.pack("<II", 4, value))

    settings = {"block_count": 1, "context_length": 64, "embedding_length": 8, "feed_forward_length": 16, "attention.head_count": 2}
    settings |= {"attention.head_count_kv": 1, "attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 1e4, "vocab_size": 5}
    tokens = ["a", "b", "ab", "<s>", "</s>"]
    names = {"model": "gpt2", "pre": "smollm", "tokens": tokens, "token_type": [1, 1, 1, 3, 3], "merges": ["a b"]}
    names |= {"bos_token_id": 3, "eos_token_id": 4}
    values = {"general.architecture": "llama", **{f"llama.{key}": each for key, each in settings.items()}}
    values |= {f"tokenizer.ggml.{key}": each for key, each in names.items()}
    tensor = string("token_embd.weight") + struct.pack("<IQQIQ", 2, 8, 5, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(values)) + b"".join(entry(*each) for each in values.items()) + tensor
    return [head + bytes(-len(head) % 32) + bytes(160)]


def read_gguf(data: bytes, folder: Path) -> None:
    from foretell.errors import UserError
    from foretell.models.weights.gguf_file import read_gguf as read
    from foretell.models.weights.gguf_reader import open_gguf
    from foretell.models.weights.gguf_tokenizer import read_tokenizer

    path = folder / "model.gguf"
    path.write_bytes(data)
    file = open_gguf(path)
    with suppress(UserError):
        text = read_tokenizer(file)
        text.decode(text.encode("ab a"))
        _ = text.token_bytes
    read(file)


def tokenizer_corpus() -> list[bytes]:
    """A small tokenizer of bytes, with its configuration behind a line of its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())[:94]
    tokenizer = Tokenizer(models.BPE({each: i for i, each in enumerate([*letters, "ab"])}, [("a", "b")]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    config = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "chat_template": TEMPLATES[0]}
    return [tokenizer.to_str().encode() + b"\n\n" + json.dumps(config).encode()]


def read_tokenizer(data: bytes, folder: Path) -> None:
    from foretell.models.text import Text

    whole, _, config = data.partition(b"\n\n")
    (folder / "tokenizer.json").write_bytes(whole)
    (folder / "tokenizer_config.json").write_bytes(config)
    text = Text.from_folder(folder)
    text.decode(text.encode("ab a"))
    _ = text.vocabulary, text.token_bytes
    text.chat("a")


def read_csv(data: bytes, folder: Path) -> None:
    from foretell.numbers.tables.reading import read_table

    path = folder / "table.csv"
    path.write_bytes(data)
    read_table(path)


def read_tools(data: bytes, folder: Path) -> None:
    from foretell.errors import UserError
    from foretell.rules.constraints.json_schema import JsonSchema
    from foretell.rules.schemas.strings import BYTES
    from foretell.rules.tools import read_tools as read

    try:
        tools = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError("not JSON") from error
    walk(JsonSchema(read(tools).schema).start(BYTES), random.Random(0))


def read_template(data: bytes, folder: Path) -> None:
    from foretell.models.chat_template import rendered

    messages = [{"role": "user", "content": "a"}]
    variables = {"bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, "tools": None}
    rendered(data.decode(errors="replace"), messages=messages, **variables)


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
    "templates": Target(
        texts(*TEMPLATES), ["{{", "}}", "{%", "%}", "for", "range(10**9)", "messages", "|", ".__class__", "'a' * 10**9"], read_template
    ),
}
