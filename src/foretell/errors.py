"""Errors that a user can mend: each names the argument, its value and the remedy. Any other exception is a fault of Foretell's own."""

from __future__ import annotations


class UserError(ValueError):
    """Something that was handed in is wrong: an argument, an option, a file, a model that does not fit.

    The message names the argument, its value and the remedy, and is all that the command line shows. It is a `ValueError`, so
    that code which catches those goes on working.

    >>> try:
    ...     raise UserError("max_new_tokens=0 must be at least 1")
    ... except ValueError as error:
    ...     print(error)
    max_new_tokens=0 must be at least 1
    """


class MissingPackageError(UserError, ImportError):
    """An optional package is not installed; the message gives the command that installs it."""
