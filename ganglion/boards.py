"""A board by its name or by its core."""

from __future__ import annotations

import difflib

from ganglion.firmware.board import Board, board_names, load_board

from .errors import UsageError

DEFAULT_BOARD = "stm32f405"


def pick_board(target: str | None, name: str | None) -> Board:
    """The board called `name`, or the first one with the core `target`, DEFAULT_BOARD where nothing is said; both must
    fit each other where both are given."""
    board = load_board(name) if name else first_board(target or load_board(DEFAULT_BOARD).core)
    if target not in (None, board.core):
        raise UsageError(
            f"board {name} has a {board.core}, the target is {target}; leave --target out or give --target {board.core}"
        )
    return board


def first_board(target: str) -> Board:
    """The first board with the core `target`: DEFAULT_BOARD before those on the desk, and those before models."""
    boards = sorted(map(load_board, board_names()), key=lambda board: (board.name != DEFAULT_BOARD, not board.flashing))
    cores = sorted({board.core for board in boards})
    if target not in cores:
        near = difflib.get_close_matches(target.lower(), cores, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no target {target!r}; {hint}targets: {', '.join(cores)}")
    return next(board for board in boards if board.core == target)
