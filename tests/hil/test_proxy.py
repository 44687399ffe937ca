"""The protocol under fire: whatever a line does to the bytes, no wrong action is accepted and the link comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.codegen import reference
from ganglion.hil.device import DeviceError
from ganglion.hil.emulator import EmulatorDevice
from ganglion.hil.link import Stream, WireDevice
from ganglion.hil.proxy import Faults, FaultyStream
from ganglion.hil.qemu import qemu_device
from tests.support.host_device import DIGEST, CDevice, tiny_infer
from tests.support.images import board, hopper_image, hopper_policy, needs_qemu
from tests.support.policies import observations

ATTEMPTS = 64
KINDS = [field.name for field in fields(Faults)]


class Echo:
    """A stream that gives back what was written, in the same pieces."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, content: bytes) -> None:
        self.pieces.append(content)

    def read(self, timeout_s: float) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def close(self) -> None:
        self.pieces.clear()


def bad_line(faults: Faults, seed: int, lines: list[FaultyStream]) -> Callable[[Stream], Stream]:
    """Opens a line and remembers it in `lines`."""

    def open_line(inner: Stream) -> Stream:
        lines.append(FaultyStream(inner, faults, seed))
        return lines[-1]

    return open_line


def host_link(faults: Faults, seed: int, lines: list[FaultyStream]) -> WireDevice:
    """The runtime compiled for this machine, behind a bad line."""
    link = WireDevice("host", CDevice, DIGEST.hex(), "dwt")
    return link.through(bad_line(faults, seed, lines), ATTEMPTS, timeout_s=0.01)


def drain(line: FaultyStream) -> bytes:
    """All that comes out of the line until nothing has come for longer than any delay."""
    received, silent = b"", 0
    while silent < 20:
        piece = line.read(0.0)
        received += piece
        silent = 0 if piece else silent + 1
    return received


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=8), st.integers(0, 99), st.floats(0, 1))
def test_splits_and_delays_lose_nothing(pieces: list[bytes], seed: int, share: float) -> None:
    line = FaultyStream(Echo(), Faults(split=0.2 * share, delay=0.2 * (1 - share)), seed)
    for piece in pieces:
        line.write(piece)
    assert drain(line) == b"".join(pieces)


@given(st.binary(min_size=1, max_size=400), st.integers(0, 99), st.sampled_from(KINDS), st.sampled_from([0.02, 1.0]))
def test_the_same_seed_gives_the_same_faults(content: bytes, seed: int, kind: str, rate: float) -> None:
    def run() -> tuple[bytes, dict[str, int]]:
        line = FaultyStream(Echo(), Faults(**{kind: rate}), seed)
        line.write(content)
        return drain(line), line.counts

    assert run() == run()


def test_without_faults_nothing_happens() -> None:
    line = FaultyStream(Echo(), Faults(), 1)
    line.write(bytes(range(256)) * 40)
    assert drain(line) == bytes(range(256)) * 40
    assert set(line.counts.values()) == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_faults_come_as_often_as_told(kind: str) -> None:
    line = FaultyStream(Echo(), Faults(**{kind: 0.05}), 3)
    for _ in range(200):
        line.write(bytes(range(1, 201)))
    drain(line)
    assert line.passed_bytes >= 40_000
    assert abs(line.counts[kind] / line.passed_bytes - 0.05) < 0.005
    assert sum(line.counts.values()) == line.counts[kind]


def test_impossible_rates_are_refused() -> None:
    for rates in ({"flip": -0.1}, {"flip": 0.6, "drop": 0.5}, {"delay": float("nan")}):
        with pytest.raises(ValueError, match="from 0 to 1 per byte"):
            Faults(**rates)


@pytest.mark.parametrize(
    ("count", "rates"),
    [(3_000, (0.0003, 0.003, 0.01)), pytest.param(100_000, (0.0001, 0.001, 0.01), marks=pytest.mark.long)],
)
def test_no_wrong_action_is_accepted(count: int, rates: tuple[float, ...]) -> None:
    """Every third part of the inferences at another rate, single and with two frames in flight."""
    samples = np.random.default_rng(5).normal(scale=2, size=(-(-count // len(rates)), 3)).astype(np.float32)
    samples[::50, 1] = np.nan
    expected = [tiny_infer(sample) for sample in samples]
    for seed, rate in enumerate(rates):
        lines: list[FaultyStream] = []
        with host_link(Faults.evenly(rate), seed, lines) as link:
            half = len(samples) // 2
            replies = [link.infer(sample) for sample in samples[:half]]
            replies += link.infer_all(samples[half:])
            assert [(reply.status, reply.codes.tolist()) for reply in replies] == expected
        assert sum(lines[0].counts.values()) > 0.5 * rate * lines[0].passed_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_the_link_recovers_from_each_kind(kind: str) -> None:
    lines: list[FaultyStream] = []
    samples = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
    with host_link(Faults(**{kind: 0.02}), 7, lines) as link:
        replies = list(link.infer_all(samples))
    assert [reply.codes.tolist() for reply in replies] == [tiny_infer(sample)[1] for sample in samples]
    assert lines[0].counts[kind] > 50


def test_a_line_that_damages_everything_ends_in_an_error() -> None:
    with pytest.raises(DeviceError, match="no answer to hello in 64 attempts"):
        host_link(Faults(flip=1.0), 0, []).__enter__()


def under_fire(device: WireDevice, count: int, rate: float) -> None:
    """`device` answers as the oracle over a bad line."""
    samples = observations(hopper_policy(), count, seed=9)
    expected = reference.infer(hopper_policy(), samples)
    lines: list[FaultyStream] = []
    with device.through(bad_line(Faults.evenly(rate), 11, lines), ATTEMPTS, timeout_s=0.1):
        replies = list(device.infer_all(samples))
    assert np.array_equal([reply.codes for reply in replies], expected.codes)
    assert np.array_equal([reply.status for reply in replies], expected.status)
    assert sum(lines[0].counts.values()) > 0


@pytest.mark.parametrize("count", [100, pytest.param(5_000, marks=pytest.mark.long)])
def test_the_emulated_board_under_fire(count: int) -> None:
    under_fire(EmulatorDevice(hopper_image().elf, board(), hopper_policy().digest), count, 0.01)


@needs_qemu
@pytest.mark.parametrize("count", [40, pytest.param(1_000, marks=pytest.mark.long)])
def test_qemu_under_fire(count: int) -> None:
    under_fire(qemu_device(hopper_image().elf, board(), hopper_policy().digest), count, 0.003)
