"""The HTML report: one file without a network, plots as inline SVG that follow the reader's light or dark theme."""
