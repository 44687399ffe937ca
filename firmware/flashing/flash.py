"""Which way an image takes to a board."""

from __future__ import annotations

from ganglion.firmware.board import Flashing
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
    if board.flashing is None:
        raise FlashError(f"board {board.name} is here for its model in QEMU and cannot be flashed; use --device qemu")
    method = method or _usual_method(board.flashing)
    if method not in METHODS:
        raise FlashError(f"there is no way to flash called {method!r}; allowed: {', '.join(METHODS)}")
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


def _usual_method(flashing: Flashing) -> str:
    return "drive" if flashing.uf2_family else "pyocd"
