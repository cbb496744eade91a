"""The recipe file of a model: the working folder's own, or the one that `foretell tune` wrote."""

from __future__ import annotations

import os
import re
from pathlib import Path

from foretell import arguments
from foretell.decoding.recipe import Recipe
from foretell.errors import UserError
from foretell.models.base import Model

#: Environment variable naming another folder for settings.
VARIABLE = "FORETELL_CONFIG"
#: A recipe file of this name in the working folder is used for every model there.
LOCAL = "foretell.toml"


def config_folder() -> Path:
    """The folder of settings: `$FORETELL_CONFIG`, or the platform's own. It need not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return arguments.path(VARIABLE, named)
    import platformdirs

    return arguments.platform_folder(VARIABLE, platformdirs.user_config_dir)


def tuned_path(model: Model) -> Path:
    """The file that `foretell tune` writes for this model, whether or not it exists: one for each combination of weights, data type and
    engine, since each has a cost curve of its own."""
    return config_folder() / "recipes" / f"{re.sub(r'[^A-Za-z0-9._-]', '_', model.fingerprint)}.toml"


def find_tuned(model: Model) -> Path | None:
    """The recipe file to use where none is named: `foretell.toml` in the working folder, else `tuned_path`, else None."""
    return next((path for path in (Path(LOCAL), tuned_path(model)) if path.is_file()), None)


def tuned_recipe(model: Model) -> tuple[Recipe, Path] | None:
    """The recipe in the file that `find_tuned` gives, and the file's path; None where there is no file. Raises UserError for a file that
    can no longer be read, because a part was renamed or a plug-in removed."""
    path = find_tuned(model)
    if path is None:
        return None
    try:
        return Recipe.read(path), path
    except ValueError as error:
        raise UserError(f"{error} (read from {path}: run `foretell tune` again, remove the file, or name a recipe)") from error
