"""The list of boards, from their data alone: what each is, and where its images have run."""

from __future__ import annotations

from .board import Board, board_names, load_board
from .emulator.peripheral_map import emulated_boards

HEADINGS = ("board", "core", "flash, RAM", "serial port", "built and booted in", "on hardware")


def board_rows() -> list[tuple[str, ...]]:
    """One row of HEADINGS for each board, in alphabetical order."""
    return [_row(load_board(name)) for name in board_names()]


def markdown_table() -> str:
    """The rows as a table of Markdown."""
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *board_rows()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(board: Board) -> tuple[str, ...]:
    usart = board.usart
    core = board.core.removeprefix("cortex-").upper().replace("PLUS", "+")
    return (
        board.name,
        f"{core}, {board.clock_hz / 1e6:g} MHz",
        f"{board.flash.bytes // 1024:,} + {board.ram.bytes // 1024:,} KB",
        f"{usart.name}: {usart.tx}, {usart.rx}; {usart.baud:,}",
        _booted_in(board),
        board.hardware or "not yet",
    )


def _booted_in(board: Board) -> str:
    qemu = [f"QEMU {board.qemu_machine}"] if board.qemu_machine else []
    emulator = ["emulator"] if board.name in emulated_boards() else []
    return ", ".join(qemu + emulator) or "no model"
