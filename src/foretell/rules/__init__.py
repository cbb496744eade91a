"""Rules: what may be written, as users say it, compiled to constraints."""
