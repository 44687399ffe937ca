"""The image itself, run by QEMU: equal to the oracle, and not to be upset by anything on the wire."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganglion.codegen import reference
from ganglion.codegen.policy import Policy
from ganglion.firmware.wire import Command, Frame, FrameReader, encode_frame, encode_observation
from ganglion.hil.device import DeviceError
from ganglion.hil.link import WireDevice
from ganglion.hil.qemu import QemuStream, qemu_device
from tests.support.images import TOOLCHAINS, board, hopper_image, hopper_policy, needs_qemu, policy_image
from tests.support.policies import observations, random_policy


@pytest.fixture(scope="module")
def qemu() -> Iterator[WireDevice]:
    image = hopper_image()
    with qemu_device(image.elf, board(), hopper_policy().digest) as device:
        yield device


def assert_equal_to_the_oracle(device: WireDevice, count: int, policy: Policy) -> None:
    samples = observations(policy, count, seed=3)
    expected = reference.infer(policy, samples)
    for sample, codes, status in zip(samples, expected.codes, expected.status, strict=True):
        reply = device.infer(sample)
        assert (reply.codes.tolist(), reply.status) == (codes.tolist(), status)


@needs_qemu
@pytest.mark.parametrize("count", [300, pytest.param(2000, marks=pytest.mark.long)])
def test_inferences_equal_the_oracle(qemu: WireDevice, count: int) -> None:
    assert_equal_to_the_oracle(qemu, count, hopper_policy())
    assert qemu.statistics().lost_bytes == 0


@needs_qemu
@pytest.mark.parametrize("toolchain", TOOLCHAINS[1:])
def test_other_toolchains_equal_the_oracle(toolchain: str) -> None:
    with qemu_device(hopper_image(toolchain).elf, board(), hopper_policy().digest) as device:
        assert_equal_to_the_oracle(device, 100, hopper_policy())


@needs_qemu
def test_observations_longer_than_the_ring_equal_the_oracle() -> None:
    policy = random_policy(5, (376, 32, 17), 0.95)
    image = policy_image(policy, "humanoid", "zig")
    with qemu_device(image.elf, board(), policy.digest) as device:
        assert_equal_to_the_oracle(device, 10, policy)


@needs_qemu
def test_it_says_what_it_is(qemu: WireDevice) -> None:
    assert (qemu.info.name, qemu.info.kernel, qemu.info.cycles_source) == ("qemu:stm32f405", "csr", None)
    assert qemu.infer(np.zeros(11, np.float32)).cycles is None


@needs_qemu
def test_damage_is_dropped_and_the_next_frame_answered(qemu: WireDevice) -> None:
    digest = bytes.fromhex(hopper_policy().digest)
    good = encode_frame(Frame(Command.INFER, 200, encode_observation(np.zeros(11, np.float32))), digest)
    flipped = good[:9] + bytes([good[9] ^ 4 or 1]) + good[10:]
    before = qemu.statistics()
    stream = qemu._open_stream()
    stream.write(flipped + good[:20] + b"\0" + b"\x01" * 300 + b"\0" + b"\x03ab\0" + good + good)
    reader, frames = FrameReader(digest), []
    while len(frames) < 2:
        frames += reader.feed(stream.read(5.0))
    assert frames[0] == frames[1] and frames[0].sequence == 200
    after = qemu.statistics()
    assert after.corrupt - before.corrupt == 2
    assert (after.too_long - before.too_long, after.too_short - before.too_short) == (1, 1)
    assert (after.repeated - before.repeated, after.inferences - before.inferences) == (1, 1)


@needs_qemu
def test_a_burst_longer_than_the_ring_is_not_lost(qemu: WireDevice) -> None:
    digest = bytes.fromhex(hopper_policy().digest)
    zeros = encode_observation(np.zeros(11, np.float32))
    stream = qemu._open_stream()
    stream.write(b"".join(encode_frame(Frame(Command.INFER, 100 + n, zeros), digest) for n in range(20)))
    reader, frames = FrameReader(digest), []
    while len(frames) < 20:
        received = stream.read(5.0)
        assert received
        frames += reader.feed(received)
    assert [frame.sequence for frame in frames] == list(range(100, 120))


@needs_qemu
def test_reset_restarts_the_image() -> None:
    with qemu_device(hopper_image().elf, board(), None) as device:
        device.infer(np.zeros(11, np.float32))
        device.reset()
        assert device.statistics().inferences == 0


@needs_qemu
def test_the_process_ends_with_the_device() -> None:
    with qemu_device(hopper_image().elf, board(), None) as device:
        process = device._stream._process
        assert process.poll() is None
    assert process.poll() is not None


@needs_qemu
def test_a_process_that_dies_is_an_error() -> None:
    with qemu_device(hopper_image().elf, board(), None) as device:
        device._stream._process.kill()
        with pytest.raises(DeviceError, match="qemu-system-arm ended with exit code -9"):
            device.infer(np.zeros(11, np.float32))


@needs_qemu
def test_an_image_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "firmware.elf").write_bytes(os.urandom(100))
    with pytest.raises(DeviceError), qemu_device(tmp_path / "firmware.elf", board(), None, timeout_s=0.2, attempts=2):
        pass


@needs_qemu
def test_another_actor_is_refused() -> None:
    with (
        pytest.raises(DeviceError, match=f"runs the actor {hopper_policy().digest}, expected was {'0' * 64}"),
        qemu_device(hopper_image().elf, board(), "0" * 64),
    ):
        pass


def test_a_missing_qemu_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="apt install qemu-system-arm"):
        QemuStream(tmp_path / "firmware.elf", board())


def test_a_board_that_qemu_does_not_know_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="QEMU has no machine for board stm32f405"):
        QemuStream(tmp_path / "firmware.elf", replace(board(), qemu_machine=None))
