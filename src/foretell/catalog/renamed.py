"""Names that parts and options had in earlier versions. Recipes, TOML files and saved models that use them are read all the same.

Whoever renames a part, an option, a learnt attribute or the module of a saved class adds a line here.
"""

from __future__ import annotations

#: Parts, by kind: {kind: {old name: present name}}.
PARTS: dict[str, dict[str, str]] = {"component": {"identity": "identity-basis", "both": "joined-pairs"}}

#: Options and learnt attributes, by class: {class name: {old name: present name}}.
OPTIONS: dict[str, dict[str, str]] = {"PromptedRegressor": {"law": "distribution"}}

#: Classes in saved models, below `foretell.numbers`: {"old.module:Class": "present.module:Class"}.
CLASSES: dict[str, str] = {
    "contrastive.pairs.base:Both": "contrastive.pairs.base:JoinedPairs",
    "forecasting.bases.identity:Identity": "forecasting.bases.identity:IdentityBasis",
}


def present_option(cls: str, option: str) -> str:
    """The present name of an option or a learnt attribute of the class of that name.

    >>> present_option("PromptLookup", "num_tokens")
    'num_tokens'
    """
    return OPTIONS.get(cls, {}).get(option, option)
