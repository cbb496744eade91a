"""A result as a notebook shows it: the text, with what was drafted in colour."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

#: Backgrounds of drafters in the order of their first tokens. They let half of the page's own colour through, so that they fit light and
#: dark themes, and the text keeps the page's colour.
_COLORS = ("46,160,67", "56,139,253", "163,113,247", "210,153,34", "219,97,162", "20,160,170")


def to_html(spans: Sequence[tuple[str, str]], facts: str) -> str:
    """The spans of a text, coloured by source, with a legend and a line of facts. Everything is escaped.

    >>> to_html([("a<b", "")], "1 token").count("a&lt;b")
    1
    """
    sources = list(dict.fromkeys(source for _, source in spans if source))
    styles = {source: f"background:rgba({_COLORS[i % len(_COLORS)]},.28);border-radius:.2em" for i, source in enumerate(sources)}
    text = "".join(_span(text, source, styles) for text, source in spans)
    legend = "".join(f" {_span(source, source, styles)}" for source in sources)
    below = escape(facts) + (f"; drafted by{legend}" if legend else "")
    return (
        f'<div><div style="white-space:pre-wrap;overflow-wrap:anywhere;text-align:left">{text}</div>'
        f'<div style="opacity:.7;font-size:.85em;text-align:left">{below}</div></div>'
    )


def _span(text: str, source: str, styles: dict[str, str]) -> str:
    return f'<span style="{styles[source]}" title="{escape(source)}">{escape(text)}</span>' if source in styles else escape(text)
