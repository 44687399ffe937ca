"""The `ganglion` command line: one subcommand per module of ganglion/commands."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Union

import tyro

from .commands import COMMANDS
from .errors import explain, is_user_error

EXIT_MISMATCH = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for a device that is not equal to the oracle, 2 for an error
    that the message on stderr explains, 130 for Ctrl-C. GANGLION_DEBUG=1 shows the traceback."""
    # The oracle's products are small: a second thread of numpy's costs more processor time than it saves.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _parse(arguments).run()
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        if os.environ.get("GANGLION_DEBUG") or not is_user_error(error):
            raise
        _complain(explain(error))
        return EXIT_USER_ERROR


def _parse(arguments: list[str]) -> Any:
    """The command as an object with `run`. Only the command that is named is imported."""
    if arguments and arguments[0] in COMMANDS:
        name = arguments[0]
        return tyro.cli(_load(name), prog=f"ganglion {name}", args=arguments[1:])
    commands = tuple(Annotated[_load(name), tyro.conf.subcommand(name)] for name in COMMANDS)
    return tyro.cli(Union[commands], prog="ganglion", description=__doc__, args=arguments)  # noqa: UP007


def _load(name: str) -> type:
    module, _, cls = COMMANDS[name].partition(":")
    return getattr(importlib.import_module(module), cls)


def _complain(message: str) -> None:
    print(f"ganglion: {message}", file=sys.stderr)
