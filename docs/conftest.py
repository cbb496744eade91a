"""Files of docs/ whose doctests need the extra `docs`."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("griffe") else ["doctests.py"]
