"""Reports of fits and forecasts: plots by matplotlib as SVG, and one page that opens without a network."""
