"""Which of a board's registers the emulator models, from the TOML file beside this module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


class PeripheralMapError(ValueError):
    """A board that the emulator does not model."""


@dataclass(frozen=True)
class Follow:
    """A status field: reads of `address` give (word & `mask`) << `shift` in its place."""

    register: str
    address: int
    mask: int
    shift: int


@dataclass(frozen=True)
class ResetValue:
    """What a register holds after reset, where that is not 0."""

    register: str
    address: int
    value: int


@dataclass(frozen=True)
class WatchdogModel:
    """A watchdog like the STM32's IWDG: its first register, the core cycles of one period of its own clock, and the
    register with the flags that tell why the board started, by what sets them."""

    base: int
    tick_cycles: int
    flags_register: int
    all_flags: int
    power_flags: int
    software_flags: int
    watchdog_flags: int
    clear_flags: int


@dataclass(frozen=True)
class PeripheralMap:
    """The registers of a board: `ranges` {name: (begin, end)}, status fields, reset values, and its watchdog."""

    board: str
    cpuid: int
    ranges: dict[str, tuple[int, int]]
    follows: tuple[Follow, ...]
    reset_values: tuple[ResetValue, ...]
    watchdog: WatchdogModel | None = None


def load_peripheral_map(board: str) -> PeripheralMap:
    """The registers of `board`; PeripheralMapError when the emulator has no file for it."""
    path = FOLDER / f"{board}.toml"
    if not path.is_file():
        known = ", ".join(sorted(item.stem for item in FOLDER.glob("*.toml")))
        raise PeripheralMapError(f"board {board!r} has no emulator; emulated boards: {known}")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return PeripheralMap(
        table["board"],
        table["cpuid"],
        {name: (begin, end) for name, (begin, end) in table["ranges"].items()},
        tuple(Follow(**entry) for entry in table["follow"]),
        tuple(ResetValue(**entry) for entry in table["reset"]),
        watchdog=WatchdogModel(**table["watchdog"]) if "watchdog" in table else None,
    )
