"""Formats, by the RFCs that define them, and what schema-check says of strings."""

from __future__ import annotations

import sys

import pytest

from foretell.errors import MissingPackageError, UserError
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.schemas.drafts import SchemaError
from foretell.rules.schemas.formats import FORMATS
from foretell.rules.schemas.keyword_report import keyword_report
from foretell.rules.schemas.strings import BYTES, has_format

CASES = {
    "date": (["2020-02-29", "2000-02-29"], ["2021-02-29", "1900-02-29", "2020-2-1", "2020-13-01", "2020-04-31", "2020-01-01Z"]),
    "time": (["23:59:60Z", "01:29:60+01:30", "15:59:60-08:00", "12:00:00.5Z"], ["23:58:60Z", "23:59:60+01:00", "24:00:00Z", "12:00:00"]),
    "date-time": (["1990-12-31T23:59:60Z", "2020-02-29t01:02:03.5+05:45"], ["1990-12-31T22:59:60Z", "2021-02-29T00:00:00Z", "2020-01-01"]),
    "duration": (["P1Y2M3DT4H5M6S", "PT1M", "P4W"], ["P", "PT", "P1Y1W", "P1D2H", "1D"]),
    "email": (["a.b+c@d.org", '"a b"@c.org', "a@[IPv6:::1]", "a@[1.2.3.4]"], ["a", "a@", ".a@b.org", "a..b@c.org", "a@[1.2.3]"]),
    "hostname": (
        ["a-b.example", "xn--4gbwdl.xn--wgbh1c", "a--b"],
        ["-a", "a-", "a..b", "a_b", "a" * 64, "xn--X", ".".join(["a" * 60] * 5)],
    ),
    "idn-hostname": (["실례.테스트", "a.b", "l·l"], ["〮실례.테스트", "·l", "example。", "0a.א", "-a"]),
    "ipv4": (["0.0.0.0", "255.1.2.3"], ["256.0.0.1", "01.2.3.4", "1.2.3"]),
    "ipv6": (["::ffff:1.2.3.4", "::", "1:2:3:4:5:6:7:8", "1::8", "1::d6:192.168.0.1"], ["1:2:3:4:5:6:7", "1::2::3", "::1.2.3", "12345::"]),
    "uri": (["http://a.b:80/c?d=%20#e", "urn:x:y", "ftp://[::1]/"], ["//a.b", "a b:", "http://[::1", "http://a.b/%2", "http:// a"]),
    "uri-reference": (["/a?b", "", "//a.b/c", "#x"], ["a:b c", "\\\\x", "//a:x/", "/[::1]"]),
    "iri": (["http://ƒøø.ßår/?∂éœ=πîx#x"], ["http://2001:0db8:85a3:0000:0000:8a2e:0370:7334", "/abc"]),
    "uuid": (["2EB8AA08-aa98-11EA-B4AA-73B441D16380"], ["2eb8aa08-aa98-11ea-b4aa73b441d16380"]),
    "uri-template": (["/a/{b}{?c,d*,e:3}", "a'b"], ["{a", "{a,,b}", "{a:0}", "{}"]),
    "json-pointer": (["", "/a~0b/c~1"], ["a", "/a~2"]),
    "relative-json-pointer": (["0#", "1/a"], ["01", "/a", "-1"]),
    "regex": (["^(a|b)+$", r"(?<n>a)\k<n>", "[[a]]"], ["^(abc]", "(?i)a", r"\Z", "(?P<n>a)"]),
}


@pytest.mark.parametrize("name", CASES)
def test_verdicts(name):
    valid, invalid = CASES[name]
    assert [has_format(name, text) for text in (*valid, *invalid)] == [True] * len(valid) + [False] * len(invalid)


def test_the_engine_knows_every_format_that_is_a_pattern():
    relaxed = {name for name in FORMATS if JsonSchema({"type": "string", "format": name}).remember(BYTES).relaxed}
    assert relaxed == {"hostname", "idn-hostname", "regex"}


def test_a_missing_package_is_named_before_anything_is_generated(monkeypatch):
    monkeypatch.setitem(sys.modules, "idna", None)
    with pytest.raises(MissingPackageError, match="install idna: pip install"):
        JsonSchema({"properties": {"x": {"format": "idn-hostname"}}}).remember(BYTES)
    JsonSchema({"format": "idn-hostname"}, formats="annotate").remember(BYTES)


def test_content_keywords_are_reported_as_annotations():
    schema = {
        "properties": {"x": {"contentEncoding": "base64", "contentMediaType": "application/json", "contentSchema": {"type": "array"}}}
    }
    lines = [line for line in keyword_report(JsonSchema(schema).remember(BYTES)).lines if line.keyword.startswith("content")]
    assert [(line.path, line.level) for line in lines] == [("#/properties/x", "annotation")] * 3
    assert all("not checked" in line.why for line in lines)


@pytest.mark.parametrize("schema", [{"pattern": r"\z"}, {"patternProperties": {r"\z": {}}}, {"contains": {"pattern": r"\z"}}])
def test_a_pattern_that_cannot_be_read_is_refused_with_its_place(schema):
    with pytest.raises(SchemaError, match=r"#/items.*: pattern='\\\\z' is not a regular expression of ECMA 262"):
        JsonSchema({"items": schema})
    assert issubclass(SchemaError, UserError)
