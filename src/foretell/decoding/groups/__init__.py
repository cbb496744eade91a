"""Groups of models that take turns."""
