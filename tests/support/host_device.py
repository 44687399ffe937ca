"""The firmware's protocol code compiled for the host, and the same rules once more in Python."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cobs import cobs

from ganglion.firmware.wire import (
    ANSWER_BIT,
    SAFE_ACTION,
    Command,
    Frame,
    ResetCause,
    Status,
    WireError,
    crc,
    decode_frame,
    encode_frame,
)
from ganglion.hil.native import find_compiler

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/firmware/fixtures"
FEATURES, ACTIONS = 3, 2
DIGEST = bytes([0xE5, 0x5A, 0x01, 0x80, *range(0x10, 0x2C)])
CLOCK_HZ = 1_000_000
CYCLES = 7
WATCHDOG_MS = 50
SAFE_CODES = (-300, 400)
LONGEST_FRAME_BYTES = 6 + 4 * FEATURES


def tiny_infer(observation: np.ndarray) -> tuple[int, list[int]]:
    """tests/firmware/fixtures/policy.c in numpy: status and action codes."""
    finite = np.isfinite(observation)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.floor((observation * np.float32(64)).astype(np.float32) + np.float32(0.5))
    q = np.where(finite, np.clip(np.where(finite, scaled, 0), -128, 127), 0).astype(int)
    sums = 7 + 100 * q[0] - 3 * q[2], -1000 + 127 * q[1]
    return int(not finite.all()), [int(np.clip(s, -32768, 32767)) for s in sums]


@dataclass
class ModelDevice:
    """docs/protocol.md in Python for the policy above: `exchange` takes bytes and gives the answers' bytes."""

    self_test_works: bool = True
    safe_when_not_finite: bool = False
    trusted: bool = True
    pending: bytes = b""
    reset_cause: int = ResetCause.POWER
    last: deque[tuple[int, int, bytes]] = field(default_factory=lambda: deque(maxlen=2))
    counters: dict[str, int] = field(default_factory=dict)
    not_finite: int = 0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.trusted, self.not_finite = self.self_test_works, 0
        self.last.clear()
        names = ("frames", "inferences", "repeated", "corrupt", "too_short", "too_long", "foreign", "lost", "cycles")
        self.counters = dict.fromkeys(names, 0)

    def exchange(self, received: bytes) -> bytes:
        *packets, self.pending = (self.pending + received).split(b"\0")
        return b"".join(self._packet(packet) for packet in packets if packet)

    def _packet(self, packet: bytes) -> bytes:
        try:
            content = cobs.decode(packet)
        except cobs.DecodeError:
            return self._count("corrupt")
        if len(content) > LONGEST_FRAME_BYTES:
            return self._count("too_long")
        if len(content) < 6:
            return self._count("too_short")
        try:
            frame = decode_frame(packet, DIGEST)
        except WireError:
            return self._count("corrupt")
        if frame.kind & ANSWER_BIT:
            return self._count("foreign")
        self.counters["frames"] += 1
        return self._answer(frame)

    def _count(self, name: str) -> bytes:
        self.counters[name] += 1
        return b""

    def _answer(self, frame: Frame) -> bytes:
        kept = {(kind, sequence): sent for kind, sequence, sent in self.last if kind != Command.HELLO}
        sent = kept.get((frame.kind, frame.sequence))
        if sent:
            self.counters["repeated"] += 1
        else:
            answer = Frame(frame.kind | ANSWER_BIT, frame.sequence, self._execute(frame))
            sent = encode_frame(answer, DIGEST)
            self.last.append((frame.kind, frame.sequence, sent))
        if frame.kind == Command.RESET and len(frame.payload) == 0:
            self.restart()
            self.reset_cause = ResetCause.SOFTWARE
        return sent

    def _execute(self, frame: Frame) -> bytes:
        if frame.kind not in list(Command) or frame.kind == Command.INFER_CODES:  # only logic takes codes
            return bytes([Status.UNKNOWN_COMMAND])
        if len(frame.payload) != (4 * FEATURES if frame.kind == Command.INFER else 0):
            return bytes([Status.WRONG_LENGTH])
        return getattr(self, f"_{Command(frame.kind).name.lower()}")(frame)

    def _hello(self, _: Frame) -> bytes:
        self.last.clear()
        names = b"".join(bytes([len(n)]) + n for n in (b"tiny", b"by-hand", b"host"))
        numbers = CLOCK_HZ.to_bytes(4, "little") + FEATURES.to_bytes(2, "little") + ACTIONS.to_bytes(2, "little")
        return bytes([Status.DONE, 1]) + DIGEST + numbers + names

    def _self_test(self, _: Frame) -> bytes:
        self.trusted = self.trusted and self.self_test_works
        return bytes([Status.DONE if self.trusted else Status.UNTRUSTED])

    def _infer(self, frame: Frame) -> bytes:
        if not self.trusted:
            return bytes([Status.UNTRUSTED])
        self.counters["inferences"] += 1
        self.counters["cycles"] = CYCLES
        status, codes = tiny_infer(np.frombuffer(frame.payload, "<f4"))
        self.not_finite += status
        if status and self.safe_when_not_finite:
            status, codes = status | SAFE_ACTION, list(SAFE_CODES)
        return bytes([status]) + CYCLES.to_bytes(4, "little") + np.array(codes, "<i2").tobytes()

    def _statistics(self, _: Frame) -> bytes:
        return bytes([Status.DONE]) + b"".join(value.to_bytes(4, "little") for value in self.counters.values())

    def _health(self, _: Frame) -> bytes:
        guards = WATCHDOG_MS.to_bytes(2, "little") + bytes(2)
        cycles = self.counters["cycles"]
        numbers = b"".join(n.to_bytes(4, "little") for n in (cycles, cycles, self.not_finite, 0))
        head = bytes([Status.DONE, self.reset_cause, self.safe_when_not_finite])
        return head + guards + numbers + np.array(SAFE_CODES, "<i2").tobytes()

    def _reset(self, _: Frame) -> bytes:
        return bytes([Status.DONE])


class CDevice:
    """firmware/runtime/*.c on the host with the same policy; also a Stream for hil/link.py."""

    def __init__(
        self,
        self_test_result: int = 0,
        features: int = FEATURES,
        timeout_ms: int = 0,
        safe_when_not_finite: bool = False,
    ) -> None:
        self.library = _library()
        self.library.host_guard(timeout_ms, safe_when_not_finite)
        self.library.host_start(self_test_result, features)
        self._answers = b""

    def exchange(self, received: bytes) -> bytes:
        answers = ctypes.create_string_buffer(1 << 16)
        count = self.library.host_exchange(received, len(received), answers, len(answers))
        assert self.library.host_guards_hold(), "the protocol wrote beyond its buffers"
        return answers.raw[:count]

    def fail_self_test(self) -> None:
        self.library.host_set_self_test(5)

    def tick(self, now_ms: int) -> bytes:
        """Let the time come to `now_ms`; what the device sends unasked."""
        notices = ctypes.create_string_buffer(1 << 12)
        count = self.library.host_tick(now_ms, notices, len(notices))
        return notices.raw[:count]

    def actuated(self) -> tuple[int, list[int]]:
        """How often the actuators were driven, and with which codes last."""
        codes = (ctypes.c_int16 * ACTIONS)()
        return self.library.host_actuated(codes), list(codes)

    @property
    def resets(self) -> int:
        return self.library.host_resets()

    def write(self, content: bytes) -> None:
        self._answers += self.exchange(content)

    def read(self, timeout_s: float) -> bytes:
        answers, self._answers = self._answers, b""
        return answers

    def close(self) -> None:
        pass


@functools.cache
def _library() -> ctypes.CDLL:
    folder = Path(tempfile.mkdtemp(prefix="ganglion-test-"))
    runtime = ROOT / "firmware/runtime"
    sources = [ROOT / "tests/firmware/host/host_board.c", FIXTURES / "policy.c"]
    sources += [runtime / name for name in ("protocol.c", "timed_infer.c", "payload.c", "cobs.c", "crc32.c")]
    options = ["-std=c11", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
    library = folder / "device.so"
    command = [*find_compiler(), *options, "-ffp-contract=off", f"-I{runtime}"]
    subprocess.run([*command, *map(str, sources), "-o", str(library)], check=True)
    loaded = ctypes.CDLL(str(library))
    shutil.rmtree(folder)
    loaded.host_exchange.restype = loaded.host_tick.restype = ctypes.c_size_t
    loaded.host_tick.argtypes = [ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t]
    loaded.host_exchange.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    return loaded


def frame(kind: int, sequence: int, payload: bytes = b"", digest: bytes = DIGEST) -> bytes:
    """Bytes of a valid frame."""
    return encode_frame(Frame(kind, sequence, payload), digest)


def packet(content: bytes) -> bytes:
    """COBS of any content, the closing zero included."""
    return cobs.encode(content) + b"\0"


def with_crc(content: bytes, digest: bytes = DIGEST) -> bytes:
    """`content` (type, sequence, payload) with its CRC."""
    return content + crc(content, content[0], digest).to_bytes(4, "little")
