"""The host's side of docs/protocol.md: frames and messages to bytes and back, without any input or output."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from cobs import cobs

PROTOCOL_VERSION = 1
ANSWER_BIT = 0x80
OVERHEAD_BYTES = 6
"""Bytes of a frame that are not payload: type, sequence, CRC."""


class WireError(ValueError):
    """Bytes that are no frame, or a frame that is not the message it should be."""


class Command(IntEnum):
    """What a host may ask."""

    HELLO = 1
    SELF_TEST = 2
    INFER = 3
    STATISTICS = 4
    RESET = 5
    INFER_CODES = 6
    HEALTH = 7


class Status(IntEnum):
    """First payload byte of an answer. Below 0x80 they are the policy's bits (docs/numerics.md)."""

    DONE = 0x00
    WRONG_LENGTH = 0x81
    UNTRUSTED = 0x82
    UNKNOWN_COMMAND = 0x83


FIRST_ERROR = 0x80
SAFE_ACTION = 0x02
"""Status bit: the codes are the safe action's, not the policy's."""
NOTICE_SAFE_ACTION = 0xC0
"""Kind of the one frame that a device sends unasked: observations have stopped coming."""


class ResetCause(IntEnum):
    """Why a device started."""

    UNKNOWN = 0
    POWER = 1
    PIN = 2
    SOFTWARE = 3
    WATCHDOG = 4
    OTHER = 5


@dataclass(frozen=True)
class Frame:
    """`kind` is a command, or a command with ANSWER_BIT set; `sequence` is 0 to 255."""

    kind: int
    sequence: int
    payload: bytes


@dataclass(frozen=True)
class Hello:
    """What a device says of itself; `digest` is the actor's, 32 bytes."""

    version: int
    digest: bytes
    clock_hz: int
    features: int
    actions: int
    policy: str
    kernel: str
    board: str


@dataclass(frozen=True)
class Inference:
    """Answer to `infer`: int16 `codes` (actions,), the policy's `status` bits, counted core `cycles`."""

    codes: np.ndarray
    status: int
    cycles: int


@dataclass(frozen=True)
class Statistics:
    """What a device has counted since it started (docs/protocol.md), in the order of the wire."""

    frames: int
    inferences: int
    repeated: int
    corrupt: int
    too_short: int
    too_long: int
    foreign: int
    lost_bytes: int
    cycles_max: int


@dataclass(frozen=True)
class Health:
    """Answer to `health`: why the device started, what guards it (docs/safety.md; 0 ms: nothing), the fewest and most
    `cycles` of an inference, how many observations were `not_finite`, how often they stopped coming (`timeouts`), and
    the codes of the safe `action`."""

    reset_cause: int
    safe_when_not_finite: bool
    watchdog_ms: int
    timeout_ms: int
    cycles_min: int
    cycles_max: int
    not_finite: int
    timeouts: int
    action: tuple[int, ...]

    @property
    def reset_by_watchdog(self) -> bool:
        """Whether the device was stuck before it started."""
        return self.reset_cause == ResetCause.WATCHDOG


def crc(content: bytes, kind: int, digest: bytes) -> int:
    """CRC-32 of type, sequence and payload; hello and its answer do not depend on the digest."""
    seed = 0 if kind & ~ANSWER_BIT == Command.HELLO else int.from_bytes(digest[:4], "little")
    return zlib.crc32(content, seed)


def encode_frame(frame: Frame, digest: bytes) -> bytes:
    """Bytes for the wire, the closing zero included."""
    content = bytes((frame.kind, frame.sequence)) + frame.payload
    return cobs.encode(content + crc(content, frame.kind, digest).to_bytes(4, "little")) + b"\0"


def decode_frame(packet: bytes, digest: bytes) -> Frame:
    """The frame in `packet`, the bytes between two zeros; WireError when it is not whole."""
    try:
        content = cobs.decode(packet)
    except cobs.DecodeError as error:
        raise WireError(f"not a COBS packet: {error}") from error
    if len(content) < OVERHEAD_BYTES:
        raise WireError(f"{len(content)} bytes are too few for a frame; the shortest has {OVERHEAD_BYTES}")
    covered, received = content[:-4], int.from_bytes(content[-4:], "little")
    expected = crc(covered, content[0], digest)
    if received != expected:
        raise WireError(f"CRC is {received:08x}, the frame gives {expected:08x}")
    return Frame(content[0], content[1], covered[2:])


class FrameReader:
    """Cuts a byte stream into frames and finds its way back after any damage at the next zero.

    `dropped` counts packets that were no frame. `digest` may be set once the device has told it.
    """

    MAX_PACKET_BYTES = 1 << 17
    """Above the longest answer of 65,535 actions; what grows beyond is thrown away."""

    def __init__(self, digest: bytes = bytes(32)) -> None:
        self.digest = digest
        self.dropped = 0
        self._pending = bytearray()

    def feed(self, received: bytes) -> list[Frame]:
        """Frames completed by `received`; never raises."""
        self._pending += received
        if 0 not in received:
            del self._pending[self.MAX_PACKET_BYTES :]
            return []
        *packets, rest = self._pending.split(b"\0")
        self._pending = rest
        return [frame for packet in packets if packet and (frame := self._decode(bytes(packet)))]

    def restart(self) -> None:
        """Forget a packet that has begun; the next byte begins one."""
        self._pending.clear()

    def _decode(self, packet: bytes) -> Frame | None:
        try:
            return decode_frame(packet, self.digest)
        except WireError:
            self.dropped += 1
            return None


def encode_observation(observation: np.ndarray) -> bytes:
    """Payload of `infer`: float32, little-endian."""
    return np.ascontiguousarray(observation, dtype="<f4").tobytes()


def encode_codes(codes: np.ndarray, bits: int) -> bytes:
    """Payload of `infer codes`: observation codes of 8 or 16 bits, little-endian."""
    return np.ascontiguousarray(codes, dtype=f"<i{bits // 8}").tobytes()


_HELLO = struct.Struct("<BB32sIHH")
_INFERENCE = struct.Struct("<BI")
_STATISTICS = struct.Struct("<B9I")
_HEALTH = struct.Struct("<BBBHHIIII")


def check_status(frame: Frame) -> int:
    """The answer's status when it is no error; WireError otherwise."""
    if not frame.payload:
        raise WireError("an answer without a status")
    status = frame.payload[0]
    if status >= FIRST_ERROR:
        known = {int(member): member.name.lower().replace("_", " ") for member in Status}
        raise WireError(f"the device answers with status 0x{status:02x} ({known.get(status, 'unknown')})")
    return status


def parse_hello(frame: Frame) -> Hello:
    """Answer to `hello`; WireError when it is cut or from another protocol."""
    check_status(frame)
    if len(frame.payload) >= 2 and frame.payload[1] != PROTOCOL_VERSION:
        raise WireError(f"the device speaks protocol version {frame.payload[1]}, this host {PROTOCOL_VERSION}")
    try:
        _, version, digest, clock_hz, features, actions = _HELLO.unpack_from(frame.payload)
        policy, kernel, board = _names(frame.payload[_HELLO.size :])
    except (struct.error, ValueError, IndexError) as error:
        raise WireError(f"hello answered with {len(frame.payload)} bytes that do not make sense: {error}") from error
    return Hello(version, digest, clock_hz, features, actions, policy, kernel, board)


def _names(content: bytes) -> list[str]:
    names, at = [], 0
    for _ in range(3):
        end = at + 1 + content[at]
        if end > len(content):
            raise ValueError(f"a name of {content[at]} bytes, {len(content) - at - 1} are there")
        names.append(content[at + 1 : end].decode("ascii"))
        at = end
    if at != len(content):
        raise ValueError(f"{len(content) - at} bytes after the last name")
    return names


def parse_inference(frame: Frame, actions: int) -> Inference:
    """Answer to `infer` with `actions` codes; WireError for any other length or an error status."""
    status = check_status(frame)
    expected = _INFERENCE.size + 2 * actions
    if len(frame.payload) != expected:
        raise WireError(f"an inference of {len(frame.payload)} bytes; {actions} actions take {expected}")
    _, cycles = _INFERENCE.unpack_from(frame.payload)
    return Inference(np.frombuffer(frame.payload, "<i2", actions, _INFERENCE.size).astype(np.int16), status, cycles)


def parse_statistics(frame: Frame) -> Statistics:
    """Answer to `statistics`; WireError when its length is wrong."""
    check_status(frame)
    if len(frame.payload) != _STATISTICS.size:
        count = len(fields(Statistics))
        raise WireError(f"statistics of {len(frame.payload)} bytes; {count} counters take {_STATISTICS.size}")
    return Statistics(*_STATISTICS.unpack(frame.payload)[1:])


def parse_health(frame: Frame, actions: int) -> Health:
    """Answer to `health` with `actions` codes; WireError for any other length or an error status."""
    check_status(frame)
    expected = _HEALTH.size + 2 * actions
    if len(frame.payload) != expected:
        raise WireError(f"health of {len(frame.payload)} bytes; {actions} actions take {expected}")
    _, cause, when_not_finite, *numbers = _HEALTH.unpack_from(frame.payload)
    action = tuple(np.frombuffer(frame.payload, "<i2", actions, _HEALTH.size).tolist())
    return Health(cause, bool(when_not_finite), *numbers, action)
