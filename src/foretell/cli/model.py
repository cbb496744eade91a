"""`foretell model`: where the default model is, and fetching it."""

from __future__ import annotations

from typing import Annotated

import typer

from foretell.cli.common.options import notice, switch
from foretell.errors import UserError

EXAMPLES = ("foretell model", "foretell model install")
_ACTION = "`install` fetches the default model (98 MB) into the cache folder; without it, the model in use is shown."


def model(
    action: Annotated[str | None, typer.Argument(metavar="install", help=_ACTION, show_default=False)] = None,
    as_json: Annotated[bool, switch("json", "Print a JSON object.")] = False,
) -> None:
    """Show the model that is loaded where none is named, or install the default one.

    That is the model in FORETELL_MODEL, else SmolLM2-135M-Instruct. `foretell list models` shows all models that come with Foretell.
    """
    import os

    from foretell.models.cache_limit import show_size
    from foretell.models.default import default_model_path, install_default_model
    from foretell.models.locate import VARIABLE, locate

    if action not in (None, "install"):
        raise UserError(f"{action!r} is nothing that `foretell model` does; write `foretell model` or `foretell model install`")
    if action == "install":
        try:
            path = default_model_path()
        except FileNotFoundError:
            with notice("fetching the default model"):
                path = install_default_model()
        origin = "default"
    else:
        origin = VARIABLE if os.environ.get(VARIABLE) else "default"
        path = locate()
    size = sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
    if as_json:
        import json

        typer.echo(json.dumps({"path": str(path), "bytes": size, "from": origin}))
    else:
        typer.echo(f"{path}  {show_size(size)}  ({origin})")
