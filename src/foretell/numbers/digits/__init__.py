"""Numbers as rows of tokens, and what decodes them: one format a file (`Normalised`, `Floating`, `DecimalText`), one decoder a file."""
