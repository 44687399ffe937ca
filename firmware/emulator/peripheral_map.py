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
class Status:
    """A status register of a serial port: the bits that reads give `always`, while a byte is `waiting`, and while the
    receiver is `empty`."""

    offset: int
    always: int = 0
    waiting: int = 0
    empty: int = 0


@dataclass(frozen=True)
class Condition:
    """The bits of `mask` in the register at `offset` are `value`."""

    offset: int
    mask: int
    value: int


@dataclass(frozen=True)
class UsartModel:
    """A family of serial ports by the offsets of its registers; emulator/usart/<driver>.toml.

    Up to two status registers; `receiver` and `transmitter` are on while all their conditions hold, of which there are
    up to two; a byte that waits interrupts while `receive_interrupt` holds, and any bit of `other_interrupts` does at
    once. Ones written to `set` and `clear` set and clear bits of the register at `set`, where the two differ.
    """

    bytes: int
    receive: int
    send: int
    statuses: tuple[Status, ...]
    receiver: tuple[Condition, ...]
    transmitter: tuple[Condition, ...]
    receive_interrupt: Condition
    other_interrupts: Condition = Condition(0, 0, 0)
    set: int = 0
    clear: int = 0


@dataclass(frozen=True)
class PeripheralMap:
    """The registers of a board: `ranges` {name: (begin, end)}, status fields, reset values, serial port, watchdog."""

    board: str
    cpuid: int
    ranges: dict[str, tuple[int, int]]
    follows: tuple[Follow, ...]
    reset_values: tuple[ResetValue, ...]
    usart: UsartModel | None = None
    watchdog: WatchdogModel | None = None


def emulated_boards() -> list[str]:
    """Boards that the emulator models, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_peripheral_map(board: str) -> PeripheralMap:
    """The registers of `board`; PeripheralMapError when the emulator has no file for it."""
    if board not in emulated_boards():
        known = ", ".join(emulated_boards())
        raise PeripheralMapError(f"board {board!r} has no emulator; emulated boards: {known}")
    table = tomllib.loads((FOLDER / f"{board}.toml").read_text(encoding="utf-8"))
    return PeripheralMap(
        table["board"],
        table["cpuid"],
        {name: (begin, end) for name, (begin, end) in table["ranges"].items()},
        tuple(Follow(**entry) for entry in table.get("follow", ())),
        tuple(ResetValue(**entry) for entry in table.get("reset", ())),
        load_usart_model(table["usart"]),
        WatchdogModel(**table["watchdog"]) if "watchdog" in table else None,
    )


def load_usart_model(name: str) -> UsartModel:
    """The family of serial ports called `name`, such as "stm32_usart_v1"."""
    table = tomllib.loads((FOLDER / "usart" / f"{name}.toml").read_text(encoding="utf-8"))
    for entry in ("receiver", "transmitter"):
        table[entry] = tuple(Condition(**condition) for condition in table[entry])
    for entry in ("receive_interrupt", "other_interrupts"):
        if entry in table:
            table[entry] = Condition(**table[entry])
    table["statuses"] = tuple(Status(**status) for status in table["statuses"])
    return UsartModel(**table)
