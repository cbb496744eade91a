"""Parts of the mask bench: cases, engines, the measurement of an engine on a case, and summaries."""
