"""Which exceptions are the user's to mend: they end in one line and exit code 2, not in a traceback."""

from __future__ import annotations

import json


class UsageError(ValueError):
    """A request that cannot be met as it was put; says what is allowed and what to do."""


def is_user_error(error: BaseException) -> bool:
    """Whether `error` explains itself to the user. Classes are imported late: most runs need none of them."""
    from ganglion.codegen.actor import ActorError
    from ganglion.codegen.policy import PolicyError
    from ganglion.hil.device import DeviceError
    from ganglion.hil.environments import UnknownEnvironmentError
    from ganglion.hil.report import ReportError

    kinds = (UsageError, ActorError, PolicyError, DeviceError, UnknownEnvironmentError, ReportError, OSError)
    return isinstance(error, kinds) and not isinstance(error, json.JSONDecodeError)


def explain(error: BaseException) -> str:
    """The message of a user error; for the operating system's errors, file first."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
