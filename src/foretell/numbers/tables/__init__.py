"""Tables and series from files: read with checks that name column, row and value, encoded, and fitted beside baselines."""
