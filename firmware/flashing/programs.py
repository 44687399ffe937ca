"""Flashing with the programmer that the user prefers: openocd or st-flash, by the very command line that is shown."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from ganglion.firmware.board import Board
from ganglion.firmware.image import Image

from .errors import FlashError

_PACKAGES = {"openocd": "openocd", "st-flash": "stlink-tools"}
_TIMEOUT_S = 120


def flash_by_program(program: str, image: Image, probe: str | None = None) -> str:
    """Run `program` ("openocd" or "st-flash"), which writes, verifies and resets; FlashError shows its words."""
    command = command_line(program, image.elf, image.bin, image.board, probe)
    if shutil.which(program) is None:
        raise FlashError(f"{program} is missing; install it (Debian: apt install {_PACKAGES[program]})")
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise FlashError(
            f"`{shlex.join(command)}` did not end within {_TIMEOUT_S} s; connect the probe again"
        ) from error
    if result.returncode:
        words = (result.stderr or result.stdout).strip()
        raise FlashError(f"`{shlex.join(command)}` stopped with exit code {result.returncode}:\n{words}")
    return f"written, verified and reset by: {shlex.join(command)}"


def command_line(program: str, elf: Path, binary: Path, board: Board, probe: str | None = None) -> list[str]:
    """The whole command; FlashError where the program does not know the board."""
    flashing = board.flashing
    if program == "openocd":
        files = [argument for file in flashing.openocd for argument in ("-f", file)]
        chosen = ["-c", f"adapter serial {probe}"] if probe else []
        return ["openocd", *files, *chosen, "-c", f"program {elf} verify reset exit"]
    if not flashing.st_flash:
        raise FlashError(f"st-flash does not know {board.name}, which is no STM32; use --with openocd")
    chosen = ["--serial", probe] if probe else []
    return ["st-flash", *chosen, "--reset", "write", str(binary), f"0x{board.flash.origin:08X}"]
