"""Models from the Hugging Face hub, by id ("owner/name"), through huggingface_hub's own cache of downloads."""

from __future__ import annotations

import re
from pathlib import Path

from foretell.errors import MissingPackageError, UserError
from foretell.files import NO_ACCESS

#: Configuration, safetensors weights and tokenizer; no other frameworks' weights.
PATTERNS = ["*.json", "*.safetensors", "*.jinja", "tokenizer.model", "merges.txt", "vocab.txt"]
_ID = re.compile(r"[A-Za-z0-9][\w.\-]*/[A-Za-z0-9][\w.\-]*")


def looks_like_hub_id(name: str) -> bool:
    """Whether `name` has the form owner/name and does not name a file."""
    return bool(_ID.fullmatch(name)) and not name.endswith((".gguf", ".safetensors", ".json"))


def fetch(hub_id: str, revision: str | None = None) -> Path:
    """The local folder of the model `hub_id`, downloaded on first use; offline, the copy downloaded before."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
    except ImportError as error:
        raise MissingPackageError(f"to load {hub_id!r} from the hub, install it: pip install huggingface_hub") from error

    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=PATTERNS))
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        at = f" at revision {revision!r}" if revision else ""
        raise FileNotFoundError(
            f"the hub has no model {hub_id!r}{at} that you may read: check the spelling, or log in for a gated model (`hf auth login`)"
        ) from error
    except (LocalEntryNotFoundError, OSError) as error:
        if error.errno in NO_ACCESS:
            where = error.filename or "the folder of downloads"
            raise UserError(
                f"{hub_id!r} cannot be kept: {where} cannot be written ({error.strerror}); set HF_HOME to a folder that can, "
                "or name a local folder or GGUF file"
            ) from error
        raise ConnectionError(
            f"{hub_id!r} is not downloaded yet and the hub cannot be reached ({type(error).__name__}): go online once, "
            "or name a local folder or GGUF file"
        ) from error
