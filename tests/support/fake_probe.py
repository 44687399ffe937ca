"""A debug probe with a chip behind it, at the interface that pyOCD offers, and the ways in which they go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyocd.core import exceptions

from ganglion.firmware.board import Board
from ganglion.firmware.flashing.probe import Pyocd


@dataclass
class FakeProbe:
    """`unique_id` and `description` as pyOCD's probes have them."""

    unique_id: str = "0670FF51"
    description: str = "STMicroelectronics STLink-V2-1"


@dataclass
class FakeChip:
    """The chip of `board`, or one that says that it is `part`. `stuck` is an address that keeps its 0xFF; `unreadable`,
    `opening` and `writing` are what those raise; `done` is what was done to it."""

    board: Board
    part: int | None = None
    locked: bool = False
    stuck: int | None = None
    unreadable: Exception | None = None
    opening: Exception | None = None
    writing: Exception | None = None
    flash: bytearray = field(default_factory=lambda: bytearray(b"\xff" * 65536))
    done: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def is_locked(self) -> bool:
        return self.locked

    def read32(self, address: int) -> int:
        if self.unreadable:
            raise self.unreadable
        chip = self.board.flashing.chip
        assert address == chip.register
        return (chip.values[0] if self.part is None else self.part) | ~chip.mask & 0xFFFF_FFFF

    def read_memory_block8(self, address: int, count: int) -> list[int]:
        self.done.append("read back")
        start = address - self.board.flash.origin
        return list(self.flash[start : start + count])

    def reset(self) -> None:
        self.done.append("reset")


@dataclass
class FakeSession:
    """A session as pyOCD's: opened by `open`, with the chip as its `target`."""

    target: FakeChip

    def open(self) -> None:
        if self.target.opening:
            raise self.target.opening
        self.target.done.append("open")

    def close(self) -> None:
        self.target.done.append("close")


@dataclass
class FakeLoader:
    """Writes what was added when it is committed."""

    chip: FakeChip
    added: list[tuple[int, bytes]] = field(default_factory=list)

    def add_data(self, address: int, data: bytes) -> None:
        self.added.append((address, data))

    def commit(self) -> None:
        if self.chip.writing:
            raise self.chip.writing
        for address, data in self.added:
            start = address - self.chip.board.flash.origin
            self.chip.flash[start : start + len(data)] = data
        if self.chip.stuck is not None:
            self.chip.flash[self.chip.stuck - self.chip.board.flash.origin] = 0xFF
        self.chip.done.append("written")


def fake_pyocd(chip: FakeChip, probes: list[FakeProbe] | None = None) -> Pyocd:
    """pyOCD with `probes` connected (one by default), each of which leads to `chip`."""

    def open_session(probe: FakeProbe, auto_open: bool, options: dict[str, Any]) -> FakeSession:
        assert not auto_open
        chip.options = options
        return FakeSession(chip)

    found = [FakeProbe()] if probes is None else probes
    return Pyocd(
        lambda blocking: found, open_session, lambda session, **options: FakeLoader(session.target),
        exceptions.Error, exceptions.TargetSupportError, exceptions.ProbeError, exceptions.TransferError,
    )  # fmt: skip
