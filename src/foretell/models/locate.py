"""From what a person types to a model's files: the default, a path, the name of a model that comes with the package, or a hub id."""

from __future__ import annotations

import os
from pathlib import Path

from foretell import arguments
from foretell.errors import UserError
from foretell.models.default import default_model_path
from foretell.models.shipped import shipped
from foretell.models.weights.hub import fetch, looks_like_hub_id
from foretell.parts import nearest

DEFAULT = "default"
#: Environment variable that names the model to load where none is named.
VARIABLE = "FORETELL_MODEL"


def locate(name: str | os.PathLike[str] | None = None) -> Path:
    """The folder (with config.json) or the GGUF file that `name` means; FileNotFoundError lists what was looked for.

    None is what `$FORETELL_MODEL` names, else the default model. "default" is always the latter.
    """
    if name is None and os.environ.get(VARIABLE):
        try:
            return locate(os.environ[VARIABLE])
        except (OSError, UserError) as error:
            raise type(error)(f"{VARIABLE}={os.environ[VARIABLE]!r}: {error}") from error
    if name is None or (isinstance(name, str) and name == DEFAULT):
        return default_model_path()
    path = arguments.path("model", name)
    if path.is_file():
        return _file(path)
    if path.is_dir():
        return _folder(path)
    names = shipped()
    if str(name) in names:
        return names[str(name)]
    if looks_like_hub_id(str(name)) and not path.parent.is_dir():
        return fetch(str(name))
    beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    meant, near = nearest(str(name), names), nearest(path.name, beside) if beside else ""
    hint = f" In {path.parent.resolve()}: {near}" if near.startswith("did you mean") else ""
    hint = f" {meant[0].upper()}{meant[1:]}" if meant.startswith("did you mean") else hint
    raise FileNotFoundError(
        f"no model {str(name)!r}. Looked for: the word {DEFAULT!r}, a model that comes with Foretell ({', '.join(names)}), "
        f"a GGUF file or a folder with config.json at {path.absolute()}, a hub id of the form owner/name.{hint}"
    )


def _file(path: Path) -> Path:
    if path.suffix == ".gguf":
        from foretell.models.weights.gguf_split import gguf_parts

        return gguf_parts(path)[0] if path.is_file() else path
    if path.suffix == ".safetensors" or path.name == "config.json":
        return _folder(path.parent)
    raise FileNotFoundError(f"{path} is not a model: name a .gguf file, or a folder with config.json and *.safetensors")


def _folder(path: Path) -> Path:
    if (path / "config.json").is_file():
        return path
    from foretell.models.weights.config_keys import MERGE
    from foretell.models.weights.gguf_split import gguf_parts

    if (path / "adapter_config.json").is_file():
        raise UserError(f"{path} holds a PEFT adapter (adapter_config.json), no model; {MERGE}")
    files = sorted(path.glob("*.gguf"))
    if files and gguf_parts(files[0]) == files:
        return files[0]
    if files:
        raise FileNotFoundError(f"{path} holds several GGUF files, name one: {', '.join(file.name for file in files)}")
    raise FileNotFoundError(f"{path} holds no model: looked for config.json and for *.gguf in it")
