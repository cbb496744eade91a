"""JSON Schema for decoding: what an engine can compile of it, what is checked while the text is written, and how JSON text is read."""
