"""Names that are in `foretell.decoding.drafting.successors.table` now."""

from foretell.moved import moved

__getattr__ = moved(__name__, {"SuccessorTable": "foretell.decoding.drafting.successors.table"})
