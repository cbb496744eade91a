"""numba's `njit`, whose compiled code is kept in Foretell's cache folder, in place of the folder that the package is installed in.

Read-only installations work, and uninstalling leaves no compiled file. Where the cache folder cannot be written, functions are compiled
again in each process. `NUMBA_CACHE_DIR`, numba's own variable, goes first; other packages' functions are not touched.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numba
from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator

from foretell.models.cache_folder import KERNELS, cache_folder

log = logging.getLogger(__name__)
_told = False


def njit(function: Callable[..., Any] | None = None, *, cache: bool = False, **options: Any) -> Any:
    """`numba.njit`. cache: keep the compiled code in the cache folder; where it cannot be written, one line of the log says so.

    >>> njit(nogil=True)(lambda x: x + 1)(2)
    3
    """
    if function is None:
        return lambda decorated: njit(decorated, cache=cache, **options)
    compiled = numba.njit(**options)(function)
    if cache:
        with suppress(RuntimeError, OSError):  # no file to name it after, as in a zip archive: compiled in each process
            compiled._cache = _Kept(function)
    return compiled


class _Locator(UserProvidedCacheLocator):
    """Places the files of a function. It does not ask for a folder that can be written: code that was compiled before is read from a
    read-only one too."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        super().__init__(function, file)
        above = getattr(config, "CACHE_DIR", "") or cache_folder() / KERNELS
        self._cache_path = os.path.join(above, self.get_suitable_cache_subpath(file))

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> _Locator:
        return cls(function, file)


class _Files(CompileResultCacheImpl):
    """One function's files."""

    _locator_classes = [_Locator]  # noqa: RUF012 - numba's own form


class _Kept(FunctionCache):
    """A function's compiled code on disk; what cannot be read or written is compiled again."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = super().load_overload(sig, target_context)
        except Exception as error:  # unreadable or damaged: pickle raises nearly anything
            log.info("compiled code of %s cannot be read (%s): it is compiled again", self._py_func.__qualname__, error)
            with suppress(OSError):
                self.flush()
            return None
        if found is not None:
            with suppress(OSError):
                os.utime(self._cache_file._index_path)  # when it was last used
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        log.debug("compiled %s", self._py_func.__qualname__)
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _tell(self.cache_path, error)


def _tell(folder: str, error: OSError) -> None:
    """Say once in a process that compiled code is not kept."""
    global _told
    if not _told:
        _told = True
        log.warning("compiled code is not kept, so that each start compiles again: %s cannot be written (%s)", folder, error)
