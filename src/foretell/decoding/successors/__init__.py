"""The tables are in `foretell.decoding.drafting.successors` now."""
