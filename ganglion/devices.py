"""A device by its name: native, emulator, qemu or serial:PORT."""

from __future__ import annotations

import difflib

from ganglion.hil.device import Device
from ganglion.hil.native import NativeDevice

from .building import Built
from .errors import UsageError

KINDS = ("native",)


def device_kind(spec: str) -> str:
    """The kind in `spec`, such as "serial" in "serial:/dev/ttyACM0"; UsageError suggests the nearest name."""
    kind, _, port = spec.partition(":")
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"there is no device {spec!r}; allowed: {', '.join(KINDS)}{hint}")
    if (kind == "serial") != bool(port):
        raise UsageError(f"device {spec!r}: write serial:PORT, such as serial:/dev/ttyACM0, and other names alone")
    return kind


def open_device(spec: str, built: Built) -> Device:
    """The device of `spec` for what was built; enter it to start it."""
    device_kind(spec)
    return NativeDevice(built.plan)
