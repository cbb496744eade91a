"""Number formats, which write numbers as rows of tokens (`Normalised`, `Floating`, `DecimalText`), and decoders of such rows. One a
file."""
