"""The real image on the emulated board, over the wire: equal to the oracle, and the same cycles every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganglion.codegen import reference
from ganglion.hil.device import DeviceError
from ganglion.hil.emulator import EmulatorDevice
from tests.support.images import board, hopper_image, hopper_policy, policy_image
from tests.support.policies import observations


def test_every_action_equals_the_oracle() -> None:
    rows = observations(hopper_policy(), 400)
    expected = reference.infer(hopper_policy(), rows)
    with EmulatorDevice(hopper_image().elf, board(), hopper_policy().digest) as device:
        for row, codes, status in zip(rows, expected.codes, expected.status, strict=True):
            reply = device.infer(row)
            assert np.array_equal(reply.codes, codes)
            assert reply.status == status
            assert reply.cycles > 0


def test_a_mix_of_kernels_says_hello_with_all_its_parts() -> None:
    kernel = "straight:1,rows:1,straight:1"
    image = policy_image(hopper_policy(), "hopper", "zig", kernel)
    with EmulatorDevice(image.elf, board(), hopper_policy().digest) as device:
        assert device.hello.kernel == kernel


def test_cycles_are_the_same_in_every_run_and_grow_with_the_refill() -> None:
    rows = observations(hopper_policy(), 20)

    def cycles(refill: int | None) -> list[int]:
        with EmulatorDevice(hopper_image().elf, board(), refill=refill) as device:
            return [device.infer(row).cycles for row in rows]

    runs = {refill: cycles(refill) for refill in (None, 1, 2, 3)}
    assert runs[None] == runs[2]
    assert all(one < two < three for one, two, three in zip(runs[1], runs[2], runs[3], strict=True))
    assert cycles(1) == runs[1]


def test_the_device_says_what_it_is() -> None:
    with EmulatorDevice(hopper_image().elf, board(), refill=3) as device:
        assert device.info.name == "emulator:stm32f405"
        assert device.info.digest == hopper_policy().digest
        assert device.info.clock_hz == board().clock_hz
        assert device.info.cycles_source == device.machine.cycles_source == "model:cortex-m4,P=3,ws=0"


def test_the_board_comes_back_after_a_reset() -> None:
    (row,) = observations(hopper_policy(), 1, seed=3)
    with EmulatorDevice(hopper_image().elf, board()) as device:
        first = device.infer(row)
        device.reset()
        again = device.infer(row)
    assert np.array_equal(first.codes, again.codes)
    assert first.cycles == again.cycles


def test_another_actor_or_no_image_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(DeviceError, match="expected was 0000"),
        EmulatorDevice(hopper_image().elf, board(), "0" * 64),
    ):
        pass
    with pytest.raises(DeviceError, match="emulator:stm32f405: there is no firmware image"):
        EmulatorDevice(tmp_path / "none.elf", board()).__enter__()


def test_the_kernels_time_does_not_depend_on_its_data() -> None:
    with EmulatorDevice(hopper_image().elf, board()) as device:
        span = device.machine.watch("hopper_infer_codes")
        for row in observations(hopper_policy(), 50, seed=1):
            device.infer(row)
        tally = device.machine.span(span)
    assert tally.calls == 50
    assert tally.min_cycles == tally.max_cycles
