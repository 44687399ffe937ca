"""Boards as data: firmware/boards/<name>/board.toml, a memory.ld and the board's C files."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BOARDS = FOLDER / "boards"


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
    """The serial port that carries the wire: register `base`, `interrupt` number, `baud`, pins."""

    name: str
    base: int
    interrupt: int
    baud: int
    tx: str
    rx: str


@dataclass(frozen=True)
class RunCurrent:
    """What the chip draws while it computes at the board's clock, typically: `microamperes` at `millivolts`, and the
    table of the datasheet that says so."""

    microamperes: int
    millivolts: int
    source: str


@dataclass(frozen=True)
class Board:
    """A board as its board.toml tells it. `sources` lie in its folder, `drivers` in firmware/drivers;
    `qemu_machine` is the QEMU machine that runs its images, `run_current` what the vendor publishes; None where there
    is none."""

    name: str
    description: str
    core: str
    fpu: bool
    clock_hz: int
    sources: tuple[str, ...]
    drivers: tuple[str, ...]
    flash: Memory
    ram: Memory
    usart: Usart
    qemu_machine: str | None = None
    run_current: RunCurrent | None = None

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
    def defines(self) -> dict[str, str]:
        """What the C files need to know of board.toml, as preprocessor definitions."""
        return {
            "BOARD_NAME": f'"{self.name}"',
            "BOARD_CLOCK_HZ": f"{self.clock_hz}",
            "BOARD_FLASH_WAIT_STATES": f"{self.flash.wait_states}u",
            "BOARD_USART_BASE": f"0x{self.usart.base:08X}u",
            "BOARD_USART_IRQ": f"{self.usart.interrupt}",
            "BOARD_BAUD": f"{self.usart.baud}u",
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


_KINDS: dict[str, type] = {"str": str, "int": int, "bool": bool, "str | None": str}
_TABLES: dict[str, type] = {"Memory": Memory, "Usart": Usart, "RunCurrent | None": RunCurrent}


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
    if kind in _TABLES and isinstance(value, dict):
        return _TABLES[kind](**_typed(value, _TABLES[kind], where))
    if kind == "tuple[str, ...]" and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if kind in _KINDS and type(value) is _KINDS[kind]:
        return value
    raise BoardError(f"{where} is {value!r}; {kind} is needed")
