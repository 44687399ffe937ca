"""A bad line: a byte stream between host and device on which seeded faults happen, in both directions."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from random import Random

from .link import Stream

LONGEST_RUN_BYTES = 64
"""Longest run that is repeated or changes places: more than a whole frame of a small policy."""
LONGEST_DELAY_CALLS = 8
"""A delay lasts for up to so many calls of the stream, several attempts of a host."""


@dataclass(frozen=True)
class Faults:
    """How often each fault happens, per byte; their sum is at most 1.

    `flip` changes one bit, `drop` loses a byte, `repeat` sends a run again, `reorder` lets two neighbouring runs change
    places, `split` hands over the rest in a piece of its own, and `delay` holds the rest back for some calls.
    """

    flip: float = 0.0
    drop: float = 0.0
    repeat: float = 0.0
    reorder: float = 0.0
    split: float = 0.0
    delay: float = 0.0

    def __post_init__(self) -> None:
        if min(astuple(self)) < 0 or not self.rate <= 1:
            raise ValueError(f"{self}: each rate is from 0 to 1 per byte, and so is their sum")

    @property
    def rate(self) -> float:
        """Faults per byte."""
        return sum(astuple(self))

    @classmethod
    def evenly(cls, rate: float) -> Faults:
        """All kinds alike, together `rate` per byte."""
        kinds = fields(cls)
        return cls(*(rate / len(kinds) for _ in kinds))


class FaultyStream:
    """A Stream (hil/link.py) that damages what passes through it. The same `seed` and traffic give the same faults.

    `counts` tells how often each fault happened, `passed_bytes` how many bytes came to the line.
    """

    def __init__(self, inner: Stream, faults: Faults, seed: int) -> None:
        self.counts = dict.fromkeys((field.name for field in fields(Faults)), 0)
        self.passed_bytes = 0
        self._inner = inner
        self._to_device = _Line(faults, Random(f"to device {seed}"), self.counts)
        self._to_host = _Line(faults, Random(f"to host {seed}"), self.counts)

    def write(self, content: bytes) -> None:
        """Put bytes on the line; the device gets what is left of those that have arrived by now."""
        self.passed_bytes += len(content)
        self._to_device.put(content)
        self._deliver()

    def read(self, timeout_s: float) -> bytes:
        """The next piece that has arrived; waits up to `timeout_s` where nothing is on its way."""
        self._to_host.pass_call()
        self._deliver()
        if self._to_host.empty:
            content = self._inner.read(timeout_s)
            self.passed_bytes += len(content)
            self._to_host.put(content)
        return self._to_host.take()

    def close(self) -> None:
        """Close the stream behind the line."""
        self._inner.close()

    def _deliver(self) -> None:
        self._to_device.pass_call()
        while piece := self._to_device.take():
            self._inner.write(piece)


class _Line:
    """One direction: bytes in, pieces out, in order."""

    def __init__(self, faults: Faults, random: Random, counts: dict[str, int]) -> None:
        self._rate = faults.rate
        self._kinds = [field.name for field in fields(Faults)]
        self._weights = astuple(faults)
        self._random = random
        self._counts = counts
        self._pieces: deque[bytes] = deque()
        self._due: deque[int] = deque()
        self._now = 0
        self._until_fault = self._gap()

    @property
    def empty(self) -> bool:
        return not self._pieces

    def put(self, content: bytes) -> None:
        """Take bytes, whose faults happen here."""
        rest = bytearray(content)
        begin = delay = 0
        while len(rest) - begin > self._until_fault:
            at = begin + self._until_fault
            self._until_fault = self._gap()
            kind = self._random.choices(self._kinds, self._weights)[0]
            self._counts[kind] += 1
            if kind in ("split", "delay"):
                self._append(rest[:at], delay)
                delay = self._random.randint(1, LONGEST_DELAY_CALLS) if kind == "delay" else 0
                rest, begin = rest[at:], 1
            else:
                begin = _CHANGES[kind](rest, at, self._random)
        self._until_fault -= len(rest) - begin
        self._append(rest, delay)

    def take(self) -> bytes:
        """The oldest piece, or none while it is held back."""
        if not self._pieces or self._due[0] > self._now:
            return b""
        self._due.popleft()
        return self._pieces.popleft()

    def pass_call(self) -> None:
        """Let the time pass in which delays are counted."""
        self._now += 1

    def _append(self, piece: bytearray, delay: int) -> None:
        if piece:
            self._pieces.append(bytes(piece))
            self._due.append(max(self._now + delay, self._due[-1] if self._due else 0))

    def _gap(self) -> int:
        """Bytes before the next fault, geometrically distributed."""
        if self._rate == 0:
            return 1 << 62
        if self._rate == 1:
            return 0
        return int(math.log(1 - self._random.random()) / math.log(1 - self._rate))


def _flip(content: bytearray, at: int, random: Random) -> int:
    content[at] ^= 1 << random.randrange(8)
    return at + 1


def _drop(content: bytearray, at: int, random: Random) -> int:
    del content[at]
    return at


def _repeat(content: bytearray, at: int, random: Random) -> int:
    run = content[max(0, at + 1 - random.randint(1, LONGEST_RUN_BYTES)) : at + 1]
    content[at + 1 : at + 1] = run
    return at + 1 + len(run)


def _reorder(content: bytearray, at: int, random: Random) -> int:
    length = random.randint(1, LONGEST_RUN_BYTES)
    first, second = content[at : at + length], content[at + length : at + 2 * length]
    content[at : at + 2 * length] = second + first
    return at + 1


_CHANGES: dict[str, Callable[[bytearray, int, Random], int]] = {
    "flip": _flip, "drop": _drop, "repeat": _repeat, "reorder": _reorder,
}  # fmt: skip
"""Each changes `content` at one place and says where the next fault may happen."""
