"""Flashing through a debug probe with pyOCD's Python interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ganglion.firmware.board import Board

from .errors import FlashError

UDEV_HINT = (
    "On Linux the probe may be there and not be yours to open: put a line like "
    'SUBSYSTEM=="usb", ATTRS{idVendor}=="0483", MODE="0660", TAG+="uaccess" into /etc/udev/rules.d/50-probes.rules '
    "(0483 ST-LINK, 0d28 DAPLink, 1366 J-Link, 2e8a Raspberry Pi), then: sudo udevadm control --reload && "
    "sudo udevadm trigger"
)
_HOW_TO_UNLOCK = {
    "stm32": "STM32CubeProgrammer, option bytes, RDP to level 0",
    "nrf5": "`pyocd erase --mass --target {target}`",
}


@dataclass(frozen=True)
class Pyocd:
    """The parts of pyOCD that flashing uses: `find_probes` as ConnectHelper.get_all_connected_probes, `Session`,
    `FlashLoader`, and its exceptions."""

    find_probes: Callable[..., list[Any]]
    Session: Callable[..., Any]
    FlashLoader: Callable[..., Any]
    Error: type[Exception]
    TargetSupportError: type[Exception]
    ProbeError: type[Exception]
    TransferError: type[Exception]


def flash_by_probe(content: bytes, board: Board, probe_id: str | None = None, pyocd: Pyocd | None = None) -> str:
    """Write `content` to the start of the flash of `board`, read it back, reset; FlashError says what went wrong.

    `probe_id` may be None while one probe is connected. A locked chip stays locked.
    """
    pyocd = pyocd or load_pyocd()
    probe = choose_probe(pyocd.find_probes(blocking=False), probe_id)
    with _open(pyocd, probe, board) as session:
        target = session.target
        _check_chip(pyocd, target, board)
        with _explain(pyocd, board, "writing failed; check the cable and the supply, and try again"):
            loader = pyocd.FlashLoader(session, chip_erase="sector", trust_crc=False)
            loader.add_data(board.flash.origin, content)
            loader.commit()
            _verify(bytes(target.read_memory_block8(board.flash.origin, len(content))), content, board)
            target.reset()
    return f"{len(content):,} bytes written to {board.name} by {probe.description} ({probe.unique_id}), and read back"


def load_pyocd() -> Pyocd:
    """pyOCD as it is installed; FlashError where it is not."""
    try:
        from pyocd.core import exceptions
        from pyocd.core.helpers import ConnectHelper
        from pyocd.core.session import Session
        from pyocd.flash.loader import FlashLoader
    except ImportError as error:
        raise FlashError(
            f"flashing through a probe needs pyOCD ({error}); use the make target, or: "
            "pip install -c constraints.txt -e '.[flash]'; or say --with openocd or --with st-flash"
        ) from error
    return Pyocd(
        ConnectHelper.get_all_connected_probes, Session, FlashLoader,
        exceptions.Error, exceptions.TargetSupportError, exceptions.ProbeError, exceptions.TransferError,
    )  # fmt: skip


def list_probes(pyocd: Pyocd | None = None) -> list[str]:
    """Every connected probe, such as "0670FF51 (STLink-V2-1)"."""
    return [_label(probe) for probe in (pyocd or load_pyocd()).find_probes(blocking=False)]


def choose_probe(probes: list[Any], probe_id: str | None) -> Any:
    """The probe whose id is `probe_id`, or the only one; FlashError lists those that are there."""
    if not probes:
        raise FlashError(f"there is no debug probe; connect the board by its debug port. {UDEV_HINT}")
    there = ", ".join(map(_label, probes))
    if probe_id is None:
        if len(probes) > 1:
            raise FlashError(f"there are {len(probes)} debug probes: {there}; choose one with --probe ID")
        return probes[0]
    for probe in probes:
        if probe.unique_id.lower() == probe_id.lower():
            return probe
    raise FlashError(f"there is no debug probe {probe_id!r}; probes here: {there}")


def _label(probe: Any) -> str:
    return f"{probe.unique_id} ({probe.description})"


@contextmanager
def _open(pyocd: Pyocd, probe: Any, board: Board) -> Iterator[Any]:
    """A session with the chip halted; nothing is unlocked or erased by opening it."""
    target = board.flashing.pyocd_target
    options = {"target_override": target, "auto_unlock": False}
    try:
        session = pyocd.Session(probe, auto_open=False, options=options)
        session.open()
    except pyocd.TargetSupportError as error:
        raise FlashError(
            f"pyOCD does not know the chip {target} of {board.name} yet ({error}); get its description once with: "
            f"pyocd pack install {target}"
        ) from error
    except pyocd.TransferError as error:
        raise FlashError(
            f"no chip answers behind {_label(probe)} ({error}); check the supply and the cable. {_unlock(board)}"
        ) from error
    except (pyocd.Error, OSError) as error:
        raise FlashError(f"the probe {_label(probe)} cannot be opened: {error}. {_why_not(error)}") from error
    try:
        yield session
    finally:
        session.close()


def _why_not(error: Exception) -> str:
    words = str(error).lower()
    if isinstance(error, PermissionError) or "permission" in words or "access denied" in words:
        return UDEV_HINT
    if "busy" in words or "in use" in words or "claim" in words:
        return "end the debugger or programmer that holds it"
    return "connect it again"


def _check_chip(pyocd: Pyocd, target: Any, board: Board) -> None:
    """FlashError when the chip is locked or another one than the board's."""
    chip = board.flashing.chip
    try:
        if target.is_locked():
            raise FlashError(f"the chip on {board.name} is locked. {_unlock(board)}")
        found = target.read32(chip.register) & chip.mask
    except pyocd.Error as error:
        raise FlashError(f"the chip on {board.name} does not let itself be read ({error}). {_unlock(board)}") from error
    if found not in chip.values:
        expected = " or ".join(f"0x{value:X}" for value in chip.values)
        raise FlashError(
            f"the chip behind the probe is not that of {board.name}: the register 0x{chip.register:08X} says "
            f"0x{found:X}, expected {expected}; name the board that is there (--board), or choose another probe "
            "(--probe)"
        )


def _unlock(board: Board) -> str:
    target = board.flashing.pyocd_target
    way = next((text for family, text in _HOW_TO_UNLOCK.items() if target.startswith(family)), None)
    if way is None:
        return "Chips of this kind have no lock"
    return f"If it is locked, unlocking erases all of it and is left to you: {way.format(target=target)}"


@contextmanager
def _explain(pyocd: Pyocd, board: Board, advice: str) -> Iterator[None]:
    try:
        yield
    except pyocd.Error as error:
        raise FlashError(f"{board.name}: {error}; {advice}") from error


def _verify(found: bytes, content: bytes, board: Board) -> None:
    if found != content:
        at = next(i for i, (a, b) in enumerate(zip(found, content, strict=False)) if a != b)
        raise FlashError(
            f"the flash of {board.name} reads 0x{found[at]:02X} at 0x{board.flash.origin + at:08X}, written was "
            f"0x{content[at]:02X}; the board does not run the image. Try again; a flash that fails twice is worn out"
        )
