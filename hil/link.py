"""A device at the other end of a byte stream that speaks docs/protocol.md: emulator, QEMU or board."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from ganglion.firmware.wire import (
    ANSWER_BIT,
    PROTOCOL_VERSION,
    Command,
    Frame,
    FrameReader,
    Health,
    Hello,
    Statistics,
    Status,
    WireError,
    check_status,
    encode_frame,
    encode_observation,
    parse_health,
    parse_hello,
    parse_inference,
    parse_statistics,
)

from .device import Device, DeviceError, DeviceInfo, Reply

FRAMES_IN_FLIGHT = 2
RING_BYTES = 256
"""A device's receive ring: a frame that fits may be sent while the one before it is worked on."""


class Stream(Protocol):
    """An open connection. `read` returns what has come, waiting up to `timeout_s` for the first byte; no
    bytes mean that nothing came in that time, or that nothing can come any more until the next write."""

    def write(self, content: bytes) -> None: ...

    def read(self, timeout_s: float) -> bytes: ...

    def close(self) -> None: ...


class WireDevice:
    """A Device (hil/device.py) over a stream.

    `connect` opens the stream on entering and may raise DeviceError. `digest` (hex) is the actor that must be
    there; None takes any. A lost or damaged frame is sent again under its sequence number, up to `attempts`
    times of `timeout_s` each. `cycles_source` is None where the device's cycle counter does not count.
    """

    info: DeviceInfo
    hello: Hello

    def __init__(
        self,
        name: str,
        connect: Callable[[], Stream],
        digest: str | None,
        cycles_source: str | None,
        timeout_s: float = 1.0,
        attempts: int = 4,
    ) -> None:
        self.name = name
        self._connect = connect
        self._digest = digest
        self._cycles_source = cycles_source
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._sequence = 0
        self._reader = FrameReader()
        self._stream: Stream | None = None

    def __enter__(self) -> Self:
        self._stream = self._connect()
        try:
            self._begin()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def infer(self, observation: np.ndarray) -> Reply:
        """Run the policy on one observation, float32 (features,); DeviceError when no sound answer comes."""
        return next(self.infer_all([observation]))

    def infer_all(self, observations: Iterable[np.ndarray]) -> Iterator[Reply]:
        """Run the policy on observations that are known beforehand, each as for `infer`, and give the replies in order.
        Two frames are in flight at a time."""
        for answer in self._converse(Command.INFER, map(self._payload, observations)):
            with self._sense():
                inference = parse_inference(answer, self.hello.actions)
            yield Reply(inference.codes, inference.status, inference.cycles if self._cycles_source else None)

    def through(self, line: Callable[[Stream], Stream], attempts: int, timeout_s: float) -> Self:
        """This device behind `line` (hil/proxy.py), each frame sent up to `attempts` times; before it is entered."""
        connect = self._connect
        self._connect, self._attempts, self._timeout_s = lambda: line(connect()), attempts, timeout_s
        return self

    def statistics(self) -> Statistics:
        """What the device has counted since it started."""
        answer = self._ask(Command.STATISTICS)
        with self._sense():
            return parse_statistics(answer)

    def health(self) -> Health | None:
        """Why the device started, what guards it, and the spread of its cycles; None where it has no such command."""
        answer = self._ask(Command.HEALTH)
        if answer.payload[:1] == bytes([Status.UNKNOWN_COMMAND]):
            return None
        with self._sense():
            return parse_health(answer, self.hello.actions)

    def reset(self) -> None:
        """Start the device afresh and greet it again; its statistics begin at zero."""
        answer = self._ask(Command.RESET)
        with self._sense():
            check_status(answer)
        self._begin()

    def _payload(self, observation: np.ndarray) -> bytes:
        self._open_stream()
        if observation.shape != (self.hello.features,):
            raise DeviceError(
                f"{self.name}: the observation has shape {observation.shape}, "
                f"the policy there takes ({self.hello.features},)"
            )
        return encode_observation(observation)

    def _begin(self) -> None:
        self._open_stream().write(b"\0")
        answer = self._ask(Command.HELLO)
        with self._sense():
            self.hello = parse_hello(answer)
        digest = self.hello.digest.hex()
        if self._digest not in (None, digest):
            raise DeviceError(
                f"{self.name}: the device runs the actor {digest}, expected was {self._digest}; "
                "flash the image of the actor that you mean to run, or run the actor that is there"
            )
        self._reader.digest = self.hello.digest
        self._check_self_test()
        health = self.health()
        safe_action = health.action if health and health.safe_when_not_finite else None
        clock_hz = self.hello.clock_hz or None
        self.info = DeviceInfo(self.name, digest, self.hello.kernel, clock_hz, self._cycles_source, safe_action)

    def _check_self_test(self) -> None:
        answer = self._ask(Command.SELF_TEST)
        try:
            check_status(answer)
        except WireError as error:
            raise DeviceError(
                f"{self.name}: the self-test failed, so the device gives no actions ({error}); flash the image again, "
                "and build it again when that does not help"
            ) from error

    def _ask(self, command: Command, payload: bytes = b"") -> Frame:
        return next(self._converse(command, [payload]))

    def _converse(self, command: Command, payloads: Iterable[bytes]) -> Iterator[Frame]:
        """The answers to `command` with each payload, in order. A second frame is under way where it fits the
        device's ring: it arrives while the first is worked on."""
        unsent, waiting = map(self._number, payloads, repeat(command)), deque()
        while True:
            while len(waiting) < FRAMES_IN_FLIGHT and all(r.fits_ring for r in waiting):
                request = next(unsent, None)
                if request is None:
                    break
                waiting.append(request)
                self._open_stream().write(request.content)
            if not waiting:
                return
            self._await(waiting)
            yield waiting.popleft().answer

    def _number(self, payload: bytes, command: Command) -> _Request:
        self._sequence = (self._sequence + 1) & 0xFF
        content = encode_frame(Frame(command, self._sequence, payload), self._reader.digest)
        return _Request(command, self._sequence, content)

    def _await(self, waiting: deque[_Request]) -> None:
        """Hear until the oldest request is answered, and ask it again after each silence. Zeros first: they end what
        a lost byte left open."""
        oldest, heard, dropped = waiting[0], 0, self._reader.dropped
        for attempt in range(self._attempts):
            if attempt:
                self._reader.restart()
                self._open_stream().write(b"\0" + oldest.content)
            deadline = time.monotonic() + self._timeout_s
            while oldest.answer is None and (left_s := deadline - time.monotonic()) > 0:
                received = self._open_stream().read(left_s)
                if not received:
                    break
                heard += len(received)
                _match(self._reader.feed(received), waiting)
            if oldest.answer is not None:
                return
        raise DeviceError(self._explain(oldest.command, heard, self._reader.dropped - dropped))

    def _explain(self, command: Command, heard: int, dropped: int) -> str:
        name = command.name.lower()
        tried = f"{self.name}: no answer to {name} in {self._attempts} attempts of {self._timeout_s:g} s"
        if heard == 0:
            return f"{tried}; not one byte came: check power, cable, port, and that the image is flashed"
        return (
            f"{tried}; {heard} bytes came, {dropped} damaged packets among them: "
            "check the baud rate, the wiring, and that nothing else uses the port"
        )

    @contextmanager
    def _sense(self) -> Iterator[None]:
        try:
            yield
        except WireError as error:
            raise DeviceError(
                f"{self.name}: {error}; flash an image built by this version (protocol {PROTOCOL_VERSION})"
            ) from error

    def _open_stream(self) -> Stream:
        if self._stream is None:
            raise DeviceError(f"{self.name} is not connected; use it as a context manager: `with device: ...`")
        return self._stream

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


def device_health(device: Device) -> Health | None:
    """The health of a device that has one to tell."""
    return device.health() if isinstance(device, WireDevice) else None


@dataclass
class _Request:
    """A command on its way: the bytes of its frame, and the answer once it is there."""

    command: Command
    sequence: int
    content: bytes
    answer: Frame | None = None

    @property
    def fits_ring(self) -> bool:
        return len(self.content) < RING_BYTES


def _match(frames: Iterable[Frame], waiting: Iterable[_Request]) -> None:
    """Give each request its answer; frames that answer none of them are ignored."""
    for frame in frames:
        for request in waiting:
            if (frame.kind, frame.sequence) == (request.command | ANSWER_BIT, request.sequence):
                request.answer = frame
