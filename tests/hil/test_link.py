"""WireDevice over the firmware's own protocol code: sound answers, retries, and clear words for all else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.firmware.wire import Frame, encode_frame
from ganglion.hil.device import DeviceError
from ganglion.hil.link import Stream, WireDevice
from tests.support.host_device import CYCLES, DIGEST, CDevice, tiny_infer

OBSERVATION = np.array([0.5, -1.0, 0.25], np.float32)


class Lossy:
    """A stream that treats the bytes of each direction as told before passing them on."""

    def __init__(self, inner: CDevice, to_device: Callable = bytes, to_host: Callable = bytes) -> None:
        self.inner, self.to_device, self.to_host = inner, to_device, to_host
        self.closed = False

    def write(self, content: bytes) -> None:
        self.inner.write(self.to_device(content))

    def read(self, timeout_s: float) -> bytes:
        return self.to_host(self.inner.read(timeout_s))

    def close(self) -> None:
        self.closed = True


def device(stream: Stream, digest: str | None = DIGEST.hex(), source: str | None = "dwt") -> WireDevice:
    return WireDevice("test", lambda: stream, digest, source, timeout_s=0.01, attempts=4)


def every(n: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Apply `change` to every n-th call's bytes."""
    count = 0

    def treat(content: bytes) -> bytes:
        nonlocal count
        count += 1
        return change(content) if count % n == 0 else content

    return treat


def test_it_tells_what_it_talks_to_and_closes_the_stream() -> None:
    stream = Lossy(CDevice())
    with device(stream) as link:
        assert (link.info.name, link.info.digest, link.info.kernel) == ("test", DIGEST.hex(), "by-hand")
        assert (link.info.clock_hz, link.info.cycles_source) == (1_000_000, "dwt")
        assert (link.hello.policy, link.hello.board) == ("tiny", "host")
    assert stream.closed


@given(st.lists(st.lists(st.floats(width=32), min_size=3, max_size=3), min_size=1, max_size=4))
def test_replies_equal_the_policy(rows: list[list[float]]) -> None:
    with device(CDevice()) as link:
        for observation in np.array(rows, np.float32):
            reply = link.infer(observation)
            assert (reply.status, reply.codes.tolist()) == tiny_infer(observation)
            assert (reply.codes.dtype, reply.cycles) == (np.int16, CYCLES)


def test_cycles_are_none_where_nothing_counts() -> None:
    with device(CDevice(), source=None) as link:
        assert link.infer(OBSERVATION).cycles is None


damages = {
    "lost": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "flipped": lambda content: content[:3] + bytes([content[3] ^ 1]) + content[4:] if len(content) > 4 else content,
    "doubled": lambda content: content * 2,
    "noisy": lambda content: b"\x55\xaa" * 20 + content,
}


@pytest.mark.parametrize("direction", ["to_device", "to_host"])
@pytest.mark.parametrize("damage", damages)
def test_damaged_frames_are_repeated_until_the_answer_is_sound(direction: str, damage: str) -> None:
    inner = CDevice()
    with device(Lossy(inner, **{direction: every(3, damages[damage])})) as link:
        for step in range(600):
            observation = np.array([step / 100 - 3, 1 - step / 300, np.nan if step % 7 == 0 else 0.1], np.float32)
            reply = link.infer(observation)
            assert (reply.status, reply.codes.tolist()) == tiny_infer(observation)
        assert link.statistics().inferences == 600


def test_a_repeated_request_is_inferred_once() -> None:
    with device(Lossy(CDevice(), to_host=every(2, damages["lost"]))) as link:
        for _ in range(10):
            link.infer(OBSERVATION)
        statistics = link.statistics()
    assert statistics.inferences == 10
    assert statistics.repeated >= 10


def test_reset_starts_afresh() -> None:
    with device(CDevice()) as link:
        link.infer(OBSERVATION)
        link.reset()
        assert link.statistics().inferences == 0
        assert link.infer(OBSERVATION).codes.tolist() == tiny_infer(OBSERVATION)[1]


def assert_refused(stream: Lossy, message: str, digest: str | None = DIGEST.hex()) -> None:
    with pytest.raises(DeviceError, match=message), device(stream, digest):
        pass
    assert stream.closed


def test_silence_is_explained() -> None:
    assert_refused(
        Lossy(CDevice(), to_host=damages["lost"]), "no answer to hello in 4 attempts.*not one byte came.*power"
    )


def test_garbage_is_explained() -> None:
    garbage = Lossy(CDevice(), to_host=lambda content: bytes(range(1, 200)) + b"\0" if content else b"")
    assert_refused(garbage, r"no answer to hello.*\d+ bytes came, \d+ damaged packets.*baud rate")


def test_both_digests_are_shown() -> None:
    assert_refused(Lossy(CDevice()), f"runs the actor {DIGEST.hex()}, expected was {'ab' * 32}", "ab" * 32)


def test_any_actor_will_do_when_none_is_named() -> None:
    with device(CDevice(), digest=None) as link:
        assert link.info.digest == DIGEST.hex()


def test_a_failed_self_test_is_refused() -> None:
    assert_refused(Lossy(CDevice(self_test_result=2)), "the self-test failed.*flash the image again")


def test_another_protocol_version_is_refused() -> None:
    stream = Lossy(
        CDevice(), to_host=lambda content: content and encode_frame(Frame(0x81, 1, b"\0\x07" + bytes(60)), DIGEST)
    )
    assert_refused(stream, "protocol version 7, this host 1")


def test_a_device_that_ends_in_the_middle_is_an_error() -> None:
    stream = Lossy(CDevice())
    with device(stream) as link:
        stream.to_host = damages["lost"]
        with pytest.raises(DeviceError, match="no answer to infer"):
            link.infer(OBSERVATION)


def test_a_self_test_that_fails_in_the_middle_gives_no_action() -> None:
    inner = CDevice()
    with device(inner) as link:
        inner.library.host_start(1, 3)
        with pytest.raises(DeviceError, match=r"0x82 \(untrusted\)"):
            link.infer(OBSERVATION)


def test_wrong_use_is_explained() -> None:
    with pytest.raises(DeviceError, match="not connected; use it as a context manager"):
        device(CDevice()).infer(OBSERVATION)
    with device(CDevice()) as link, pytest.raises(DeviceError, match=r"shape \(4,\), the policy there takes \(3,\)"):
        link.infer(np.zeros(4, np.float32))
