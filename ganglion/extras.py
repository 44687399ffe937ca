"""What some commands need beyond the basic installation."""

from __future__ import annotations

from importlib.util import find_spec


class ExtraError(RuntimeError):
    """An optional part of the installation is missing; says how to get it."""


def require_extra(extra: str, *modules: str) -> None:
    """Raise ExtraError unless every module of the optional dependencies `extra` can be imported."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ExtraError(
            f"this command needs {', '.join(missing)}, which is not installed; "
            f"use the make target, or: pip install -c constraints.txt -e '.[{extra}]'"
        )
