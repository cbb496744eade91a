"""Optional packages: the command that installs the extra of one that is missing, whichever file asked for it."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires

#: Extras for developers, which no user needs.
_INNER = ("dev", "docs")
#: Packages by the name under which they are imported, where that is another.
_PACKAGES = {"sklearn": "scikit-learn", "llama_cpp": "llama-cpp-python", "scipy": "scikit-learn", "parso": "jedi"}


def install_command(error: BaseException) -> str | None:
    """What installs the package that an import missed; None for another error, and for a package of no extra.

    >>> install_command(ModuleNotFoundError("No module named 'pandas'", name="pandas"))
    "pip install 'foretell[numbers]'"
    """
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    module = error.name.partition(".")[0]
    package = _PACKAGES.get(module, module.replace("_", "-"))
    found = _extras().get(package)
    return f"pip install 'foretell[{found}]'" if found else None


def _extras() -> dict[str, str]:
    """The first extra that asks for each package."""
    found: dict[str, str] = {}
    try:
        needed = requires("foretell") or []
    except PackageNotFoundError:
        needed = []
    for text in needed:
        match = re.match(r"([\w.-]+).*extra == ['\"]([\w-]+)['\"]", text)
        if match and match[2] not in _INNER:
            found.setdefault(match[1].lower().replace("_", "-"), match[2])
    return found
