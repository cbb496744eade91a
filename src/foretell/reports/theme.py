"""The colours of pages and plots, in light and in dark."""

from __future__ import annotations

#: Name of a colour: (light, dark). Pages have them as CSS variables, `var(--ink)`; plots are drawn in the light ones.
PALETTE = {
    "surface": ("#fcfcfb", "#191918"), "card": ("#ffffff", "#201f1e"), "ink": ("#141412", "#f4f3ef"), "soft": ("#55544f", "#c3c1b8"),
    "muted": ("#74726b", "#98968d"), "grid": ("#e6e5df", "#31302d"), "axis": ("#b9b7ae", "#57554f"), "mark": ("#eef4fc", "#1f2b3a"),
    "s1": ("#2a78d6", "#4a92ea"), "s2": ("#1a9e70", "#22a578"), "s3": ("#d99200", "#cf9012"), "s4": ("#7a5cc9", "#9a88ea"),
    "s5": ("#d64f7f", "#dc5f8d"), "s6": ("#e2662f", "#e06a38"), "s7": ("#3a8a1f", "#5aa83a"), "s8": ("#c23b3a", "#e36b68"),
    "neutral": ("#b4b2a9", "#6b6962"), "own": ("#9cc1ec", "#35577f"), "loss": ("#d9483b", "#e25a4d"),
}  # fmt: skip
#: Colours of series, in a fixed order.
SERIES = tuple(f"s{number}" for number in range(1, 9))
#: The light colours, to draw with.
COLOURS = {name: light for name, (light, _) in PALETTE.items()}
