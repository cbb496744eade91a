"""Tables and series from files: reading with checks, encoding, and fits compared with baselines."""

from __future__ import annotations

from foretell.errors import MissingPackageError

try:
    import pandas  # noqa: F401
except ImportError as error:
    raise MissingPackageError("tables and series need pandas: pip install 'foretell[numbers]'") from error
