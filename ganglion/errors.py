"""Which exceptions are the user's to mend: they end in one line and exit code 2, not in a traceback."""

from __future__ import annotations


class UsageError(ValueError):
    """A request that cannot be met as it was put; says what is allowed and what to do."""


def is_user_error(error: BaseException) -> bool:
    """Whether `error` explains itself to the user: one of Ganglion's own classes, or the operating system's."""
    own = any(kind.__module__.partition(".")[0] == "ganglion" for kind in type(error).__mro__)
    return own or isinstance(error, OSError)


def explain(error: BaseException) -> str:
    """The message of a user error; for the operating system's errors, file first."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
