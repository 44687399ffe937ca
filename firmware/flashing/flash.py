"""Which way an image takes to a board."""

from __future__ import annotations

import difflib

from ganglion.firmware.board import Board
from ganglion.firmware.image import Image

from .drive import copy_to_drive
from .errors import FlashError
from .probe import flash_by_probe
from .programs import flash_by_program

METHODS = ("pyocd", "drive", "openocd", "st-flash")


def flash(image: Image, method: str | None = None, probe: str | None = None) -> str:
    """Write `image` to its board, verify it, reset the board; returns a sentence that says what was done.

    `method` is one of METHODS, by default "drive" where the board shows itself as one and "pyocd" elsewhere. `probe` is
    the id of a debug probe, or the folder of a drive; it may be None while there is only one. FlashError otherwise.
    """
    board = image.board
    method = pick_method(board, method)
    if image.bin.stat().st_size > board.flash.bytes:
        raise FlashError(
            f"the image has {image.bin.stat().st_size:,} bytes, the flash of {board.name} {board.flash.bytes:,}; "
            "prune the policy further or choose a larger board"
        )
    if method == "pyocd":
        return flash_by_probe(image.bin.read_bytes(), board, probe)
    if method == "drive":
        return copy_to_drive(image, probe)
    return flash_by_program(method, image, probe)


def pick_method(board: Board, method: str | None) -> str:
    """`method`, or the usual one of `board`; FlashError when there is no such method, or the board cannot be flashed.
    Needs no image, so that it can be asked before one is built."""
    if board.flashing is None:
        raise FlashError(f"board {board.name} is here for its model in QEMU and cannot be flashed; use --device qemu")
    method = method or ("drive" if board.flashing.uf2_family else "pyocd")
    if method not in METHODS:
        near = difflib.get_close_matches(method, METHODS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise FlashError(f"there is no way to flash called {method!r}; allowed: {', '.join(METHODS)}{hint}")
    return method
