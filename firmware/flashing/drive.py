"""Flashing by a copy onto the drive that a board with a UF2 boot loader shows."""

from __future__ import annotations

import os
import string
import sys
import time
from pathlib import Path

from ganglion.firmware.board import Board
from ganglion.firmware.image import Image

from .errors import FlashError

INFO_FILE = "INFO_UF2.TXT"
RESTART_S = 10.0
"""How long a board gets to take the image and restart, which makes its drive vanish."""
_POLL_S = 0.1


def copy_to_drive(image: Image, folder: str | None = None) -> str:
    """Copy the UF2 file of `image` to the board's drive and wait until the board has taken it and restarted.

    The boot loader checks every block and restarts only when all are there. FlashError when there is no such drive,
    more than one, or when it does not restart.
    """
    board = image.board
    if image.uf2 is None:
        raise FlashError(f"board {board.name} shows no drive; use --with pyocd, openocd or st-flash")
    drive = choose_drive(find_drives(mount_points(), board), board, folder)
    content = image.uf2.read_bytes()
    _write(drive / image.uf2.name, content)
    deadline = time.monotonic() + RESTART_S
    while (drive / INFO_FILE).exists():
        if time.monotonic() > deadline:
            raise FlashError(
                f"the drive {drive} is still there after {RESTART_S:g} s, so the board did not take the image; "
                "connect it again with the button BOOTSEL held"
            )
        time.sleep(_POLL_S)
    return f"{image.uf2.name} ({len(content):,} bytes) copied to {drive}; the board has taken it and restarted"


def find_drives(mounts: list[Path], board: Board) -> list[Path]:
    """Those of `mounts` that say in INFO_UF2.TXT that they are this board."""
    return [mount for mount in mounts if _board_id(mount) == board.flashing.uf2_board_id]


def choose_drive(drives: list[Path], board: Board, folder: str | None) -> Path:
    """The drive at `folder`, or the only one; FlashError lists those that are there."""
    there = ", ".join(map(str, drives)) or "none"
    if folder is not None:
        if Path(folder) in drives:
            return Path(folder)
        raise FlashError(f"{folder} is no drive of a {board.name} ({INFO_FILE} would say so); drives here: {there}")
    if not drives:
        raise FlashError(
            f"there is no drive of a {board.name}; hold its button BOOTSEL while you connect it by USB, and mount the "
            "drive. With a debug probe: --with pyocd"
        )
    if len(drives) > 1:
        raise FlashError(f"there are {len(drives)} drives of a {board.name}: {there}; choose one with --probe FOLDER")
    return drives[0]


def mount_points() -> list[Path]:
    """Where this system has its drives."""
    if sys.platform == "win32":
        return [Path(f"{letter}:/") for letter in string.ascii_uppercase]
    if sys.platform == "darwin":
        return sorted(Path("/Volumes").iterdir())
    lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    return [Path(line.split(" ")[1].encode().decode("unicode_escape")) for line in lines]


def _board_id(mount: Path) -> str:
    try:
        lines = (mount / INFO_FILE).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("Board-ID:")), "")


def _write(path: Path, content: bytes) -> None:
    """The drive may vanish under the last block, which then has arrived."""
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except PermissionError as error:
        raise FlashError(f"no permission to write to {path.parent}; mount the drive as your own user") from error
    except OSError as error:
        if (path.parent / INFO_FILE).exists():
            raise FlashError(f"the copy to {path.parent} failed: {error}; connect the board again") from error
