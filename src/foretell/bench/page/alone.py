"""A plot as a file of its own."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader


def alone(plot: str) -> str:
    """The SVG of `plot` with what the page would give it: a card below, and colours that follow the reader's light or dark theme.

    >>> alone('<svg viewBox="0 0 860 9"></svg>').startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 9">')
    True
    """
    style = Environment(loader=PackageLoader("foretell.data", "styles"), autoescape=True).get_template("plots.css.j2").render()
    head, body = plot.split(">", 1)
    head = head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f'{head}>\n<style>\n{style}</style>\n<rect width="100%" height="100%" rx="10" style="fill: var(--card)"/>\n{body}\n'
