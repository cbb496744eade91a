"""`foretell cache`: what Foretell keeps on the disk, how large it may become, and removing it."""

from __future__ import annotations

from typing import Annotated

import typer

from foretell.cli.common.options import number, switch
from foretell.errors import UserError

EXAMPLES = (
    "foretell cache",
    "foretell cache clear --weights --older-than 30d --yes",
    "foretell cache limit 10GB",
)
_ACTION = "`clear` removes entries, `limit` sets how large the folder may become; without it, the entries are listed."
_LIMIT = "For `limit`: 10GB, 500MB, none, or default."
_CLEAR = "What to clear"


def cache(
    action: Annotated[str | None, typer.Argument(metavar="clear|limit", help=_ACTION, show_default=False)] = None,
    size: Annotated[str | None, typer.Argument(metavar="SIZE", help=_LIMIT, show_default=False)] = None,
    weights: Annotated[bool, switch("weights", "Packed copies of models' weights.", _CLEAR)] = False,
    kernels: Annotated[bool, switch("kernels", "Compiled kernels.", _CLEAR)] = False,
    curves: Annotated[bool, switch("curves", "Measured cost curves.", _CLEAR)] = False,
    tokenizers: Annotated[bool, switch("tokenizers", "Converted tokenizers.", _CLEAR)] = False,
    jedi: Annotated[bool, switch("jedi", "Python modules parsed for `monitor`.", _CLEAR)] = False,
    plots: Annotated[bool, switch("plots", "matplotlib's list of fonts.", _CLEAR)] = False,
    torch: Annotated[bool, switch("torch", "Code that torch compiled.", _CLEAR)] = False,
    ngrams: Annotated[bool, switch("ngrams", "Tables that `foretell complete --learn` made.", _CLEAR)] = False,
    models: Annotated[bool, switch("models", "The model that `foretell model install` fetched.", _CLEAR)] = False,
    recipes: Annotated[bool, switch("recipes", "Recipes that `foretell tune` wrote; --all leaves them.", _CLEAR)] = False,
    everything: Annotated[bool, switch("all", "Everything in the cache folder.", _CLEAR)] = False,
    older_than: Annotated[
        str | None,
        number("older-than", "TIME", _CLEAR, "Only what was not used for this time: 12h, 30d; alone, of all that is made again."),
    ] = None,
    model: Annotated[
        str | None, number("model", "TEXT", _CLEAR, "Only what belongs to a model whose name contains this text.", "-m")
    ] = None,
    yes: Annotated[bool, switch("yes", "Do not ask.", _CLEAR, "-y")] = False,
    as_json: Annotated[bool, switch("json", "Print a JSON object.")] = False,
) -> None:
    """Show what Foretell keeps on the disk, with sizes and when it was last used; clear it; or limit its size.

    All of it is made again when it is needed, except installed models, n-gram tables and tuned recipes. Where the folder exceeds its
    limit, large entries that were not used for the longest time go first.
    """
    from foretell.cli.common import stored_files

    chosen = {
        "weights": weights, "kernels": kernels, "curves": curves, "tokenizers": tokenizers, "jedi": jedi, "plots": plots, "torch": torch,
        "ngrams": ngrams, "models": models, "recipes": recipes,
    }  # fmt: skip
    kinds = [name for name, wanted in chosen.items() if wanted]
    if action == "limit":
        stored_files.limit(size)
    elif size is not None:
        raise UserError(f"{size!r} goes with `limit` only, as in `foretell cache limit 10GB`")
    elif action == "clear":
        stored_files.clear(kinds, everything, older_than, model, yes)
        return
    elif action is not None:
        raise UserError(f"{action!r} is nothing that `foretell cache` does; write `foretell cache`, `... clear` or `... limit SIZE`")
    elif kinds or everything or older_than or yes:
        raise UserError("these options say what to clear; write `foretell cache clear ...`")
    stored_files.show(model, as_json)
