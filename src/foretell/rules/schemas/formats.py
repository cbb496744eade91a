"""The formats of JSON Schema as patterns, after the RFCs that define them, and what patterns cannot say of them.

date, date-time, time, duration: RFC 3339; email: RFC 5321; hostname: RFC 1123; idn-hostname: RFC 5891; ipv4, ipv6, uri, uri-reference:
RFC 3986; iri, iri-reference: RFC 3987; uri-template: RFC 6570; json-pointer: RFC 6901; uuid: RFC 4122. idn-email is approximate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from foretell.errors import MissingPackageError
from foretell.rules.patterns.ecma import PatternError, parsed

INSTALL = "pip install 'foretell[schemas]'"


@dataclass(frozen=True)
class Format:
    """patterns: what every string of the format has. most: the longest string, None: any. is_valid: whether a string with all that is one,
    where patterns do not say it."""

    patterns: tuple[str, ...]
    most: int | None = None
    is_valid: Callable[[str], bool] | None = None


def _whole(*options: str) -> str:
    return f"^(?:{'|'.join(options)})$"


def _is_regex(text: str) -> bool:
    """Whether a text is a pattern of ECMA 262, without the flags that some validators take before it."""
    try:
        parsed(text)
    except PatternError:
        return False
    return not text.startswith("(?i)")


def _idna() -> Any:
    """The package `idna`. MissingPackageError if it is not installed."""
    try:
        import idna
    except ImportError as error:
        raise MissingPackageError(f"to check host names, install idna: {INSTALL}") from error
    return idna


def _is_host_name(text: str) -> bool:
    """Whether those labels of a host name are valid that stand for internationalized ones."""
    idna = _idna()
    coded = [label for label in text.lower().split(".") if label.startswith("xn--")]
    try:
        return all(idna.encode(idna.decode(label)) == label.encode() for label in coded)
    except UnicodeError:  # what idna raises
        return False


def _is_international_host_name(text: str) -> bool:
    """Whether all labels of a host name are valid, and those of a name with letters written from right to left fit together."""
    idna = _idna()
    labels = re.split("[.\u3002\uff0e\uff61]", text)
    try:
        idna.encode(text)
        words = [idna.decode(label) if label.lower().startswith("xn--") else label for label in labels]
        if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for word in words for char in word):
            for word in words:
                idna.check_bidi(word, check_ltr=True)
    except UnicodeError:
        return False
    return all(_is_host_name(label) for label in labels if label.isascii())


_YEAR = "[0-9]{4}"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    rf"|{_LEAP_YEAR}-02-29)"
)
_HOUR, _SIXTY, _FRACTION = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]", r"(?:\.[0-9]+)?"
_ZONE = rf"(?:[zZ]|[+-]{_HOUR}:{_SIXTY})"


def _time() -> str:
    """Times. A 61st second is that of 23:59 in UTC, in a zone that differs from UTC by quarters of an hour."""
    leaps = []
    for offset in range(0, 24 * 60, 15):
        for sign, local in (("[+]", 23 * 60 + 59 + offset), ("-", 23 * 60 + 59 - offset)):
            leaps.append(f"{local // 60 % 24:02}:{local % 60:02}:60{_FRACTION}{sign}{offset // 60:02}:{offset % 60:02}")
    return f"(?:{_HOUR}:{_SIXTY}:{_SIXTY}{_FRACTION}{_ZONE}|23:59:60{_FRACTION}[zZ]|{'|'.join(leaps)})"


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_H16 = "[0-9A-Fa-f]{1,4}"
_LAST32 = f"(?:{_H16}:{_H16}|{_IPV4})"
_IPV6 = "|".join(
    [f"(?:{_H16}:){{6}}{_LAST32}", f"::(?:{_H16}:){{5}}{_LAST32}"]
    + [f"(?:(?:{_H16}:){{0,{num}}}{_H16})?::(?:{_H16}:){{{4 - num}}}{_LAST32}" for num in range(5)]
    + [f"(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}", f"(?:(?:{_H16}:){{0,6}}{_H16})?::"]
)
_HEX = "%[0-9A-Fa-f]{2}"
_BEYOND = (
    r"\u{A0}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFEF}"
    + "".join(rf"\u{{{plane:X}0000}}-\u{{{plane:X}FFFD}}" for plane in range(1, 14))
    + r"\u{E1000}-\u{EFFFD}"
)
_PRIVATE = r"\u{E000}-\u{F8FF}\u{F0000}-\u{FFFFD}\u{100000}-\u{10FFFD}"


def _resource(more: str = "", in_query: str = "") -> tuple[str, str]:
    """(an absolute identifier, a reference). more, in_query: further characters, everywhere and in queries."""
    plain = rf"A-Za-z0-9._~!$&'()*+,;=\-{more}"
    char = f"(?:[{plain}:@]|{_HEX})"
    host = rf"(?:\[(?:{_IPV6}|[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:\-]+)\]|(?:[{plain}]|{_HEX})*)"
    authority = rf"\/\/(?:(?:[{plain}:]|{_HEX})*@)?{host}(?::[0-9]*)?(?:\/{char}*)*"
    rooted = rf"\/(?:{char}+(?:\/{char}*)*)?"
    end = rf"(?:\?(?:[{plain}:@\/?{in_query}]|{_HEX})*)?(?:#(?:[{plain}:@\/?]|{_HEX})*)?"
    absolute = rf"[A-Za-z][A-Za-z0-9+.\-]*:(?:{authority}|{rooted}|{char}+(?:\/{char}*)*|){end}"
    relative = rf"(?:{authority}|{rooted}|(?:[{plain}@]|{_HEX})+(?:\/{char}*)*|){end}"
    return _whole(absolute), _whole(absolute, relative)


_URI, _URI_REFERENCE = _resource()
_IRI, _IRI_REFERENCE = _resource(_BEYOND, _PRIVATE)
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_ATOM = r"[A-Za-z0-9!#$%&'*+\/=?^_`{|}~\-]+"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_ADDRESS = rf"(?:{_HOST_NAME}|\[(?:{_IPV4}|[Ii][Pp][Vv]6:(?:{_IPV6}))\])"
_DIGITS_OF = r"[0-9]+"
_TIME_PART = rf"T(?:{_DIGITS_OF}H(?:{_DIGITS_OF}M(?:{_DIGITS_OF}S)?)?|{_DIGITS_OF}M(?:{_DIGITS_OF}S)?|{_DIGITS_OF}S)"
_DAYS = rf"(?:{_DIGITS_OF}Y(?:{_DIGITS_OF}M(?:{_DIGITS_OF}D)?)?|{_DIGITS_OF}M(?:{_DIGITS_OF}D)?|{_DIGITS_OF}D)"
_POINTER = r"(?:\/(?:[^\/~]|~[01])*)*"
_NAME = rf"(?:[A-Za-z0-9_]|{_HEX})+(?:\.(?:[A-Za-z0-9_]|{_HEX})+)*(?:\*|:[1-9][0-9]{{0,3}})?"
_LETTER = r"A-Za-z0-9\u{80}-\u{3001}\u{3003}-\u{FF0D}\u{FF0F}-\u{FF60}\u{FF62}-\u{10FFFF}"
_INTERNATIONAL_LABEL = rf"[{_LETTER}](?:[{_LETTER}\-]{{0,61}}[{_LETTER}])?"

FORMATS = {
    "date": Format((_whole(_DATE),)),
    "time": Format((_whole(_time()),)),
    "date-time": Format((_whole(f"{_DATE}[tT]{_time()}"),)),
    "duration": Format((_whole(f"P(?:{_DAYS}(?:{_TIME_PART})?|{_TIME_PART}|{_DIGITS_OF}W)"),)),
    "email": Format((_whole(rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@{_ADDRESS}"),)),
    "idn-email": Format((r"^[^\s@]+@[^\s@]+$",)),
    "hostname": Format((_whole(_HOST_NAME),), 253, _is_host_name),
    "idn-hostname": Format(
        (_whole(rf"{_INTERNATIONAL_LABEL}(?:[.\u3002\uff0e\uff61]{_INTERNATIONAL_LABEL})*"),), 253, _is_international_host_name
    ),
    "ipv4": Format((_whole(_IPV4),)),
    "ipv6": Format((_whole(_IPV6),)),
    "uri": Format((_URI,)),
    "uri-reference": Format((_URI_REFERENCE,)),
    "iri": Format((_IRI,)),
    "iri-reference": Format((_IRI_REFERENCE,)),
    "uuid": Format((_whole("[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"),)),
    "uri-template": Format((_whole(rf"(?:[^\x00-\x20\x7f\"%<>\\^`{{|}}]|{_HEX}|\{{[+#.\/;?&=,!@|]?{_NAME}(?:,{_NAME})*\}})*"),)),
    "json-pointer": Format((_whole(_POINTER),)),
    "relative-json-pointer": Format((_whole(rf"(?:0|[1-9][0-9]*)(?:#|{_POINTER})"),)),
    "regex": Format((), None, _is_regex),
}
