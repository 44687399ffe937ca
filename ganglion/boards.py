"""A board by its name or by its core."""

from __future__ import annotations

import difflib

from ganglion.firmware.board import Board, board_names, load_board

from .errors import UsageError


def pick_board(target: str, name: str | None) -> Board:
    """The board called `name`, or the first one with the core `target`; both must fit each other."""
    boards = [load_board(known) for known in board_names()]
    cores = sorted({board.core for board in boards})
    if target not in cores:
        near = difflib.get_close_matches(target.lower(), cores, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no target {target!r}; {hint}targets: {', '.join(cores)}")
    if name is None:
        return next(board for board in boards if board.core == target)
    board = load_board(name)
    if board.core != target:
        raise UsageError(f"board {name} has a {board.core}, the target is {target}; give --target {board.core}")
    return board
