"""From a bitstream to a board: openFPGALoader, which knows the boards' programmers."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from ..board import Board
from .tools import ToolError, run_tool

LOG = "load.log"


def load_command(board: Board, bitstream: Path) -> list[str]:
    """What loads `bitstream` into an attached `board`."""
    return [*board.load, str(bitstream)]


def load_bitstream(board: Board, bitstream: Path) -> None:
    """Load `bitstream`; ToolError with what to type when openFPGALoader is missing, or its last lines when it fails."""
    command = load_command(board, bitstream.resolve())
    if shutil.which(command[0]) is None:
        raise ToolError(
            f"{command[0]} is not on PATH (Debian: apt install openfpgaloader); the bitstream is built, load it by: "
            f"{shlex.join(load_command(board, bitstream))}"
        )
    run_tool(command, bitstream.parent, LOG)
