"""Names that are in `foretell.decoding.sampler` now."""

from foretell.moved import moved

__getattr__ = moved(__name__, dict.fromkeys(("Candidates", "NonFiniteLogitsError", "Sampler", "SamplerStep"), "foretell.decoding.sampler"))
