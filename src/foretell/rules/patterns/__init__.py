"""Regular expressions: read as ECMA 262 defines them, written for the engine, intersected and complemented."""
