"""A device by its name: native, emulator, qemu or serial:PORT."""

from __future__ import annotations

import difflib

from .errors import UsageError

KINDS = ("native", "emulator", "qemu", "serial")


def device_kind(spec: str) -> str:
    """The kind in `spec`, such as "serial" in "serial:/dev/ttyACM0"; UsageError suggests the nearest name."""
    kind, separator, port = spec.partition(":")
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"there is no device {spec!r}; allowed: native, emulator, qemu, serial:PORT{hint}")
    if (kind == "serial") != bool(port):
        raise UsageError(f"device {spec!r}: write serial:PORT, such as serial:/dev/ttyACM0, and other names alone")
    return kind
