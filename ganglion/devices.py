"""A device by its name: native, emulator, qemu, rtl or serial:PORT."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from ganglion.codegen.timing import ZERO_WAIT, flash_model_names, load_core
from ganglion.firmware.emulator.peripheral_map import emulated_boards
from ganglion.hil.device import Device
from ganglion.hil.emulator import EmulatorDevice
from ganglion.hil.link import WireDevice
from ganglion.hil.native import NativeDevice
from ganglion.hil.proxy import Faults, FaultyStream
from ganglion.hil.qemu import qemu_device
from ganglion.hil.rtl import rtl_device
from ganglion.hil.serial import serial_device

from .building import Built
from .errors import UsageError
from .logic import BuiltLogic

WORST_FAULT_RATE = 0.02
TIMEOUT_UNDER_FIRE_S = 0.1
ATTEMPTS_UNDER_FIRE = 64
"""For each frame: half of the short frames are damaged at 1 % of the bytes."""
RTL_CORNER_OBSERVATIONS = 200
"""A simulation of every clock does some hundreds of inferences per second."""


def device_kind(spec: str) -> str:
    """The kind in `spec`, such as "serial" in "serial:/dev/ttyACM0"; UsageError suggests the nearest name."""
    kind, _, port = spec.partition(":")
    if kind not in _OPEN:
        near = difflib.get_close_matches(kind, _OPEN, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"there is no device {spec!r}; allowed: {', '.join(_OPEN)}{hint}")
    if (kind == "serial") != bool(port):
        raise UsageError(f"device {spec!r}: write serial:PORT, such as serial:/dev/ttyACM0, and other names alone")
    return kind


def open_device(spec: str, built: Built | BuiltLogic, flash_model: str = ZERO_WAIT) -> Device:
    """The device of `spec` for what was built; enter it to start it. "rtl" needs logic, all others but "native" an
    image; the emulator's flash is as slow as `flash_model`."""
    kind, _, port = spec.partition(":")
    return _emulator(built, flash_model) if kind == "emulator" else _OPEN[kind](built, port)


def spoil_line(device: Device, spec: str, rate: float, seed: int) -> None:
    """Put a bad line before `device`, with `rate` faults per byte; UsageError where there is no line."""
    if not isinstance(device, WireDevice) or device_kind(spec) == "rtl":
        raise UsageError(f"--fault-rate is for devices at the end of a line: emulator, qemu, serial; not for {spec}")
    if not 0 < rate <= WORST_FAULT_RATE:
        raise UsageError(f"--fault-rate {rate:g}; allowed: up to {WORST_FAULT_RATE:g} faults per byte")
    faults = Faults.evenly(rate)
    device.through(lambda stream: FaultyStream(stream, faults, seed), ATTEMPTS_UNDER_FIRE, TIMEOUT_UNDER_FIRE_S)


def corner_count(spec: str) -> int | None:
    """How many corner observations the device of `spec` does in seconds; None where there is no limit of its own."""
    return RTL_CORNER_OBSERVATIONS if device_kind(spec) == "rtl" else None


def cycle_model_range(spec: str, built: Built | BuiltLogic, flash_model: str = ZERO_WAIT) -> list[Device]:
    """Emulators with the fewest and the most cycles for a pipeline refill, then with each other flash model; none for
    other devices."""
    if device_kind(spec) != "emulator":
        return []
    refills = load_core(built.image.board.core).refill_cycles
    ends = sorted({min(refills), max(refills)}) if len(refills) > 1 else []
    others = [name for name in flash_model_names() if name != flash_model]
    return [_emulator(built, flash_model, refill) for refill in ends] + [_emulator(built, name) for name in others]


def _native(built: Built, _: str) -> Device:
    return NativeDevice(built.plan)


def _emulator(built: Built, flash_model: str, refill: int | None = None) -> Device:
    board = built.image.board
    if board.name not in emulated_boards():
        raise UsageError(
            f"board {board.name} has no emulator; run its image in QEMU (--device qemu), or choose one of "
            f"{', '.join(emulated_boards())}"
        )
    return EmulatorDevice(built.image.elf, board, built.plan.policy.digest, refill, flash_model)


def _qemu(built: Built, _: str) -> Device:
    return qemu_device(built.image.elf, built.image.board, built.plan.policy.digest)


def _rtl(built: BuiltLogic, _: str) -> Device:
    return rtl_device(built.policy, built.design, built.folder / "rtl", trace=built.trace)


def _serial(built: Built, port: str) -> Device:
    board = built.image.board
    return serial_device(port, board.usart.baud, built.plan.policy.digest, cycle_counter=board.cycle_counter)


_OPEN: dict[str, Callable[[Any, str], Device]] = {
    "native": _native,
    "emulator": _emulator,
    "qemu": _qemu,
    "rtl": _rtl,
    "serial": _serial,
}
