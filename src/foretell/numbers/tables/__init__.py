"""Tables and series from files: reading with checks, encoding, and fits compared with baselines."""
