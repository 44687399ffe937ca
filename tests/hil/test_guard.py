"""A device that is stuck, or gets nothing sound, keeps docs/safety.md: on the emulated board and in QEMU."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganglion.codegen.policy import PolicyError
from ganglion.codegen.safe_action import safe_action, safe_values
from ganglion.firmware.board import board_names, load_board
from ganglion.firmware.safety import Safety, SafetyError, safety_defines
from ganglion.firmware.wire import NOTICE_SAFE_ACTION, SAFE_ACTION, FrameReader, ResetCause
from ganglion.hil.emulator import EmulatorDevice
from ganglion.hil.equality import check_equality
from ganglion.hil.link import RING_BYTES
from ganglion.hil.observations import corner_observations
from ganglion.hil.qemu import qemu_device
from tests.support.images import board, guarded_image, hopper_image, hopper_policy, needs_qemu
from tests.support.policies import observations, random_policy

BRANCH_TO_ITSELF = bytes.fromhex("fee7")
SAFE_CODES = (-700, 0, 12345)
GUARDED = Safety(action=SAFE_CODES, timeout_ms=20, when_not_finite=True, watchdog_ms=4)


def emulated(safety: Safety | None = None, timed: bool = False) -> EmulatorDevice:
    image = guarded_image(safety) if safety else hopper_image()
    return EmulatorDevice(image.elf, board(), hopper_policy().digest, timed=timed)


def test_a_stuck_inference_is_reset_and_the_device_says_so() -> None:
    with emulated(GUARDED) as device:
        assert device.health().reset_cause == ResetCause.POWER
        infer = device.machine.program.symbol("hopper_policy_infer").address & ~1
        device.machine.engine.write(infer, BRANCH_TO_ITSELF)
        stream = device._open_stream()
        started = device.machine.seconds
        stream.write(device._number(bytes(44), 3).content)
        assert stream.read(1.0) == b""
        assert 0.003 < device.machine.seconds - started < 0.010
        health = device.health()
        assert health.reset_by_watchdog
        assert device.statistics().inferences == 0
        device.reset()
        assert device.health().reset_cause == ResetCause.SOFTWARE


def test_a_fault_is_reset() -> None:
    """A handler that nobody expected stops with interrupts masked: only the watchdog ends that."""
    with emulated(GUARDED) as device:
        device.machine.engine.jump(device.machine.program.symbol("stop_handler").address)
        device.machine.pass_time(0.010)
        assert device.health().reset_by_watchdog


def test_an_idle_device_is_not_reset() -> None:
    with emulated(GUARDED) as device:
        assert device.machine.pass_time(0.5) == b""
        assert device.health().reset_cause == ResetCause.POWER


def test_the_safe_action_leaves_once_when_observations_stop_coming() -> None:
    with emulated(GUARDED) as device:
        device.infer(np.zeros(11, np.float32))
        assert device.machine.pass_time(0.018) == b""
        (notice,) = FrameReader(device.hello.digest).feed(device.machine.pass_time(0.006))
        assert (notice.kind, notice.payload[0]) == (NOTICE_SAFE_ACTION, SAFE_ACTION)
        assert tuple(np.frombuffer(notice.payload[1:], "<i2")) == SAFE_CODES
        assert device.machine.pass_time(0.2) == b""
        assert device.health().timeouts == 1


def assert_safe_where_not_finite(device) -> None:
    samples = corner_observations(hopper_policy(), 200)
    equality = check_equality(hopper_policy(), device, samples)
    assert (equality.inferences, equality.mismatches) == (200, 0)
    unsound = samples[~np.isfinite(samples).all(axis=1)]
    assert len(unsound) > 5
    replies = list(device.infer_all(unsound))
    assert {(tuple(reply.codes.tolist()), reply.status) for reply in replies} == {(SAFE_CODES, 3)}


def test_observations_that_are_not_finite_give_the_safe_action() -> None:
    with emulated(GUARDED) as device:
        assert device.info.safe_action == SAFE_CODES
        assert_safe_where_not_finite(device)


@needs_qemu
def test_qemu_runs_the_guarded_image() -> None:
    """QEMU has no model of the watchdog, and its line has no quiet moment to test: the rest works there, too."""
    with qemu_device(guarded_image(GUARDED).elf, board(), hopper_policy().digest) as device:
        health = device.health()
        assert (health.watchdog_ms, health.timeout_ms, health.action) == (4, 20, SAFE_CODES)
        assert_safe_where_not_finite(device)


def test_the_spread_of_the_cycles_is_told() -> None:
    with emulated() as device:
        cycles = [device.infer(row).cycles for row in observations(hopper_policy(), 40)]
        health = device.health()
        assert (health.cycles_min, health.cycles_max) == (min(cycles), max(cycles))
        assert (health.watchdog_ms, health.timeout_ms, health.safe_when_not_finite) == (1000, 0, False)


def line_rate(single: bool) -> float:
    """Share of the time in which bytes go to the device, by the emulated board's clock; nothing is overrun."""
    samples = observations(hopper_policy(), 30)
    with emulated(timed=True) as device:
        device.infer(samples[0])
        before = device.machine.seconds
        replies = [device.infer(sample) for sample in samples] if single else list(device.infer_all(samples))
        seconds = device.machine.seconds - before
        sent_bytes = sum(len(device._number(sample.tobytes(), 3).content) for sample in samples)
        assert len(replies) == len(samples)
        assert device.machine.overruns == device.statistics().lost_bytes == 0
    return sent_bytes * 10 / board().usart.baud / seconds


def test_two_frames_in_flight_fill_the_line() -> None:
    one, two = line_rate(single=True), line_rate(single=False)
    print(f"line rate: {one:.3f} with one frame in flight, {two:.3f} with two")
    assert two >= 0.90
    assert one < 0.75


def test_runtime_and_start_up_stay_small() -> None:
    """6 KB of flash, and 1 KB of RAM with a ring of 256 bytes; the stack is mostly the policy's."""
    sizes = hopper_image().sizes
    assert sizes.flash.runtime <= 6 * 1024
    assert RING_BYTES <= sizes.ram.static <= 1024


@pytest.mark.parametrize(
    ("safety", "message"),
    [
        (Safety(action=(1, 2)), "3 codes from -32768 to 32767"),
        (Safety(action=(1, 2, 40_000)), "3 codes from"),
        (Safety(timeout_ms=-1), "allowed: 0"),
        (Safety(timeout_ms=70_000), "to 65535"),
        (Safety(watchdog_ms=9_000), "IWDG of stm32f405 takes 0 to 8190"),
    ],
)
def test_settings_that_cannot_be_kept_are_refused(safety: Safety, message: str) -> None:
    with pytest.raises(SafetyError, match=message):
        safety_defines(safety, board(), 3)


def test_a_board_without_watchdog_or_clock_refuses_them() -> None:
    bare = replace(board(), watchdog=None, drivers=())
    assert safety_defines(Safety(), bare, 3)["GANGLION_WATCHDOG_MS"] == "0u"
    with pytest.raises(SafetyError, match="has no watchdog"):
        safety_defines(Safety(watchdog_ms=10), bare, 3)
    with pytest.raises(SafetyError, match="tells the time"):
        safety_defines(Safety(timeout_ms=10), bare, 3)


@pytest.mark.parametrize("name", board_names())
def test_a_board_with_a_watchdog_has_all_that_it_needs(name: str) -> None:
    guarded = load_board(name)
    if guarded.watchdog:
        assert "systick.c" in guarded.drivers and guarded.cycle_counter != "systick"
        assert 0 < guarded.watchdog.timeout_ms <= guarded.watchdog.longest_ms
    else:
        assert safety_defines(Safety(), guarded, 2)["GANGLION_WATCHDOG_MS"] == "0u"


def test_the_safe_action_is_zero_where_the_action_space_holds_it() -> None:
    policy = random_policy()
    assert safe_action(policy) == (0, 0, 0)
    head = replace(
        policy.head,
        gain=np.array([2**-15, 2**-14, 2**-15], np.float32),
        offset=np.array([0.25, -1.0, 3.0], np.float32),
    )
    shifted = replace(policy, head=head)
    codes = safe_action(shifted)
    assert codes == (-8192, 16384, 0)
    assert safe_values(shifted, codes) == [0.0, 0.0, 3.0]


def test_safe_actions_that_are_no_actions_are_refused() -> None:
    discrete = random_policy(head="argmax")
    assert safe_action(discrete) == (0,)
    assert safe_action(discrete, (2,)) == (2,)
    continuous = random_policy()
    for policy, codes in ((discrete, (3,)), (discrete, (-1,)), (continuous, (0, 0)), (continuous, (0, 0, 32768))):
        with pytest.raises(PolicyError, match="the policy of Test-v0 takes"):
            safe_action(policy, codes)
