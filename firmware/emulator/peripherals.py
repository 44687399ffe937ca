"""From a board's register map to the registers of a machine."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from .faults import EmulatorError
from .library import Condition, Status, Usart, WatchdogConfig
from .peripheral_map import PeripheralMap, UsartModel

PAGE_BYTES = 0x1000
_USUAL = range(0x4000_0000, 0x4008_0000)
"""Where every machine has registers, or answers that there is none."""


def add_peripherals(library: ctypes.CDLL, machine: int, peripherals: PeripheralMap) -> None:
    """Give `machine` the registers of a board, before its first run; EmulatorError when they do not fit."""
    usart = peripherals.usart
    watchdog = peripherals.watchdog
    failed = any(
        [
            *(library.machine_add_window(machine, *window) for window in _windows(peripherals.ranges.values())),
            *(library.machine_add_range(machine, *span) for span in peripherals.ranges.values()),
            watchdog and library.machine_set_watchdog(machine, WatchdogConfig(**asdict(watchdog))),
            usart and library.machine_set_usart(machine, _usart(usart)),
            *(library.machine_add_follow(machine, f.address, f.mask, f.shift) for f in peripherals.follows),
            *(library.machine_add_reset_value(machine, r.address, r.value) for r in peripherals.reset_values),
        ]
    )
    if failed:
        raise EmulatorError(
            f"the registers of {peripherals.board} are too many, or its port, the watchdog's flags or a reset value lie"
            " outside of them"
        )


def _windows(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(first address, bytes) of the pages that `ranges` take outside of the usual place, merged where they touch."""
    pages = sorted(
        {
            page
            for begin, end in ranges
            for page in range(begin // PAGE_BYTES * PAGE_BYTES, end, PAGE_BYTES)
            if page not in _USUAL
        }
    )
    while pages:
        count = next((i for i, page in enumerate(pages) if page != pages[0] + i * PAGE_BYTES), len(pages))
        yield pages[0], count * PAGE_BYTES
        pages = pages[count:]


def _usart(model: UsartModel) -> Usart:
    usart = Usart(model.bytes, model.receive, model.send, model.set, model.clear)
    for i, status in enumerate(model.statuses):
        usart.statuses[i] = Status(status.offset, status.always, status.waiting, status.empty)
    for line, conditions in ((usart.receiver, model.receiver), (usart.transmitter, model.transmitter)):
        for i, condition in enumerate(conditions):
            line[i] = Condition(condition.offset, condition.mask, condition.value)
    for name in ("receive_interrupt", "other_interrupts"):
        condition = getattr(model, name)
        setattr(usart, name, Condition(condition.offset, condition.mask, condition.value))
    return usart
