"""The figures that MaskBench's authors published, for comparison."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedResult:
    """One engine's figures on MaskBench's 11,306 schemas.

    engine: name and version. passing, refused, wrong_rejects, wrong_accepts: schemas by outcome. compile: seconds a schema, median and
    99th percentile. mask: seconds a token set, mean, median and 99th percentile.
    """

    engine: str
    passing: int
    refused: int
    wrong_rejects: int
    wrong_accepts: int
    compile: tuple[float, float]
    mask: tuple[float, float, float]


SETTING = "published: MaskBench's 11,306 schemas, Llama 3's tokenizer (128k tokens), March 2025; compiling ended after 15 minutes"
NUM_SCHEMAS = 11306
PUBLISHED = (
    PublishedResult("LLGuidance 0.7.10", 8909, 2377, 20, 0, (1037e-6, 17988e-6), (64e-6, 46e-6, 533e-6)),
    PublishedResult("XGrammar 0.1.17", 8122, 90, 1408, 1368, (919459e-6, 900.0), (728e-6, 9e-6, 5687e-6)),
    PublishedResult("llama.cpp", 6505, 1301, 2850, 649, (312e-6, 28558e-6), (16565e-6, 17021e-6, 60371e-6)),
    PublishedResult("Outlines-core 0.2.3", 7050, 1773, 1415, 822, (587900e-6, 410.0), (1858e-6, 34e-6, 7184e-6)),
)
