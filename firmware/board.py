"""Boards as data: firmware/boards/<name>/board.toml, a memory.ld and the board's C files (docs/boards.md)."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BOARDS = FOLDER / "boards"
BOOT2_BYTES = 256
"""What the boot ROM of an RP2040 takes from the start of flash (RP2040 Datasheet, 2.8.1.3.1)."""
COMMON_DRIVERS = ("cortex_m.c", "vectors.c", "receive_ring.c")


class BoardError(ValueError):
    """A board that does not exist or whose board.toml is wrong; says what is allowed."""


@dataclass(frozen=True)
class Memory:
    """A memory region: first address, size, and the `wait_states` of reading it at full clock."""

    origin: int
    bytes: int
    wait_states: int = 0


@dataclass(frozen=True)
class Usart:
    """The serial port that carries the wire: its `driver` in firmware/drivers, register `base`, `interrupt` number,
    `baud`, pins. `clock_hz` feeds it where the board leaves no choice; else the board's C code works it out."""

    name: str
    driver: str
    base: int
    interrupt: int
    baud: int
    tx: str
    rx: str
    clock_hz: int | None = None


@dataclass(frozen=True)
class Chip:
    """How a chip tells what it is: the word at `register`, less what `mask` leaves out, is one of `values`."""

    register: int
    mask: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Flashing:
    """How an image gets onto a board: pyOCD's name of the chip, openocd's configuration files, whether st-flash knows
    it, and where it shows itself as a drive, the family of its UF2 files and the Board-ID that the drive tells."""

    pyocd_target: str
    openocd: tuple[str, ...]
    chip: Chip
    st_flash: bool = False
    uf2_family: int | None = None
    uf2_board_id: str | None = None


@dataclass(frozen=True)
class RunCurrent:
    """What the chip draws while it computes at the board's clock, typically: `microamperes` at `millivolts`, and the
    table of the datasheet that says so."""

    microamperes: int
    millivolts: int
    source: str


@dataclass(frozen=True)
class Watchdog:
    """A timer that resets a stuck board: register `base`, the usual `timeout_ms` and the longest."""

    name: str
    base: int
    timeout_ms: int
    longest_ms: int


@dataclass(frozen=True)
class Board:
    """A board as its board.toml tells it.

    `sources` lie in its folder, `drivers` are those files of firmware/drivers that it needs beside the usual ones, and
    `cycle_counter` is the counter that it reports cycles from (firmware/drivers/cycles_<counter>.c). `boot2` is a file
    with 256 bytes that go before the vector table. `qemu_machine` is the QEMU machine that runs its images, None where
    there is none; `flashing` is None for a board that is here for its model; `run_current` is what the vendor
    publishes, None where that is not entered; `hardware` says when and on what an image was seen to run, None where
    that is not known.
    """

    name: str
    description: str
    core: str
    fpu: bool
    clock_hz: int
    interrupts: int
    cycle_counter: str
    sources: tuple[str, ...]
    flash: Memory
    ram: Memory
    usart: Usart
    drivers: tuple[str, ...] = ()
    boot2: str | None = None
    qemu_machine: str | None = None
    flashing: Flashing | None = None
    watchdog: Watchdog | None = None
    run_current: RunCurrent | None = None
    hardware: str | None = None

    @property
    def energy_per_cycle_nj(self) -> float | None:
        """Current times voltage over clock, in nanojoules; None where no current is known."""
        current = self.run_current
        return current and current.microamperes * current.millivolts / self.clock_hz

    @property
    def folder(self) -> Path:
        """Where the board's files lie."""
        return BOARDS / self.name

    @property
    def vectors(self) -> int:
        """Address of the vector table."""
        return self.flash.origin + (BOOT2_BYTES if self.boot2 else 0)

    @property
    def files(self) -> tuple[str, ...]:
        """What is compiled for this board beside the runtime, as "drivers/<file>" and "board/<file>"."""
        drivers = (*COMMON_DRIVERS, f"cycles_{self.cycle_counter}.c", self.usart.driver, *self.drivers)
        own = (*self.sources, self.boot2) if self.boot2 else self.sources
        return (*(f"drivers/{name}" for name in drivers), *(f"board/{name}" for name in own))

    @property
    def defines(self) -> dict[str, str]:
        """What the C files need to know of board.toml, as preprocessor definitions."""
        clock = self.usart.clock_hz
        return {
            "BOARD_NAME": f'"{self.name}"',
            "BOARD_CLOCK_HZ": f"{self.clock_hz}",
            "BOARD_INTERRUPTS": f"{self.interrupts}",
            "BOARD_FLASH_WAIT_STATES": f"{self.flash.wait_states}u",
            "BOARD_USART_BASE": f"0x{self.usart.base:08X}u",
            "BOARD_USART_IRQ": f"{self.usart.interrupt}",
            "BOARD_BAUD": f"{self.usart.baud}u",
            **({"BOARD_USART_CLOCK_HZ": f"{clock}u"} if clock else {}),
            **({"BOARD_WATCHDOG_BASE": f"0x{self.watchdog.base:08X}u"} if self.watchdog else {}),
        }


def board_names() -> list[str]:
    """All boards, in alphabetical order."""
    return sorted(path.parent.name for path in BOARDS.glob("*/board.toml"))


def load_board(name: str) -> Board:
    """The board called `name`; BoardError suggests the nearest name or says what is wrong in its file."""
    names = board_names()
    if name not in names:
        near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise BoardError(f"there is no board {name!r}; {hint}boards: {', '.join(names)}")
    path = BOARDS / name / "board.toml"
    try:
        entries = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise BoardError(f"{path}: not valid TOML: {error}") from error
    return parse_board(entries, name)


def parse_board(entries: dict[str, Any], name: str) -> Board:
    """A Board from the entries of a board.toml; BoardError names the first entry that does not fit."""
    values = _typed(entries, Board, f"{name}/board.toml")
    if values["name"] != name:
        raise BoardError(f"{name}/board.toml: name is {values['name']!r}, the folder is {name!r}; use one name")
    return Board(**values)


_KINDS: dict[str, type] = {"str": str, "int": int, "bool": bool, "str | None": str, "int | None": int}
_TABLES: dict[str, type] = {kind.__name__: kind for kind in (Memory, Usart, Chip, Flashing, RunCurrent, Watchdog)}
_LISTS: dict[str, type] = {"tuple[str, ...]": str, "tuple[int, ...]": int}


def _typed(entries: dict[str, Any], shape: type, where: str) -> dict[str, Any]:
    fields = shape.__dataclass_fields__
    unknown = sorted(set(entries) - set(fields))
    if unknown:
        raise BoardError(f"{where}: unknown entry {unknown[0]!r}; allowed: {', '.join(fields)}")
    missing = [name for name, field in fields.items() if name not in entries and field.default is MISSING]
    if missing:
        raise BoardError(f"{where}: the entry {missing[0]!r} is missing")
    return {name: _value(value, str(fields[name].type), f"{where}: {name}") for name, value in entries.items()}


def _value(value: Any, kind: str, where: str) -> Any:
    table = _TABLES.get(kind.removesuffix(" | None"))
    if table and isinstance(value, dict):
        return table(**_typed(value, table, where))
    if kind in _LISTS and isinstance(value, list) and all(type(item) is _LISTS[kind] for item in value):
        return tuple(value)
    if kind in _KINDS and type(value) is _KINDS[kind]:
        return value
    raise BoardError(f"{where} is {value!r}; {kind} is needed")
