"""JSON Schema: what the engine compiles of a schema, what is checked while the text is generated, and reading JSON text."""
