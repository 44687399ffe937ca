"""Every board's image in every model of that board: a new folder in firmware/boards is found here by itself."""

from __future__ import annotations

import pytest

from ganglion.codegen import reference
from ganglion.firmware.board import board_names, load_board
from ganglion.firmware.emulator import Machine
from ganglion.firmware.emulator.peripheral_map import emulated_boards
from ganglion.firmware.wire import Command, Frame, encode_frame, encode_observation
from ganglion.hil.emulator import EmulatorDevice
from ganglion.hil.link import WireDevice
from ganglion.hil.qemu import qemu_device
from tests.support.images import TOOLCHAINS, board_image, needs_qemu, small_policy
from tests.support.policies import observations

BOOT_MS = 5.0
RUNTIME_FLASH_BYTES, RUNTIME_RAM_BYTES = 6 * 1024, 1024
QEMU_BOARDS = [name for name in board_names() if load_board(name).qemu_machine]
FASTEST_KERNELS = {"cortex-m0": "stream", "cortex-m0plus": "rows", "cortex-m3": "straight"}
"""Where the DSP extension, and with it the kernel lanes, is missing."""

counts = pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.long)])


def in_emulator(name: str, **how: str) -> EmulatorDevice:
    return EmulatorDevice(board_image(name, **how).elf, load_board(name), small_policy().digest)


def in_qemu(name: str, **how: str) -> WireDevice:
    return qemu_device(board_image(name, **how).elf, load_board(name), small_policy().digest, timeout_s=5.0)


def assert_runs(device: WireDevice, name: str, count: int) -> None:
    """Entering has said hello and passed the self-test."""
    samples = observations(small_policy(), count, seed=3)
    expected = reference.infer(small_policy(), samples)
    with device:
        assert device.hello.board == name
        for sample, codes, status in zip(samples, expected.codes, expected.status, strict=True):
            reply = device.infer(sample)
            assert (reply.codes.tolist(), reply.status) == (codes.tolist(), status)
        statistics = device.statistics()
        assert (statistics.inferences, statistics.lost_bytes, statistics.corrupt) == (count, 0, 0)
        device.reset()
        assert device.statistics().inferences == 0
        reply = device.infer(samples[0])
        assert (reply.codes.tolist(), reply.status) == (expected.codes[0].tolist(), expected.status[0])


@needs_qemu
@counts
@pytest.mark.parametrize("name", QEMU_BOARDS)
def test_the_image_runs_in_qemu(name: str, count: int) -> None:
    assert_runs(in_qemu(name), name, count)


@counts
@pytest.mark.parametrize("name", emulated_boards())
def test_the_image_runs_in_the_emulator(name: str, count: int) -> None:
    assert_runs(in_emulator(name), name, count)


@pytest.mark.long
@pytest.mark.parametrize("toolchain", TOOLCHAINS[1:])
@pytest.mark.parametrize("name", board_names())
def test_the_other_compilers_image_runs_too(name: str, toolchain: str) -> None:
    device = in_emulator if name in emulated_boards() else in_qemu
    assert_runs(device(name, toolchain=toolchain), name, 200)


@pytest.mark.long
@pytest.mark.parametrize("name", board_names())
def test_the_fastest_kernel_of_each_core_runs_on_it(name: str) -> None:
    kernel = FASTEST_KERNELS.get(load_board(name).core, "lanes")
    device = in_emulator if name in emulated_boards() else in_qemu
    assert_runs(device(name, kernel=kernel), name, 200)


@pytest.mark.parametrize("name", emulated_boards())
def test_from_reset_to_the_first_action_in_five_milliseconds(name: str) -> None:
    """Cycles of the model at the clock that the board ends with; waiting for a crystal is the board's and not in it."""
    policy, board = small_policy(), load_board(name)
    (sample,) = observations(policy, 1)
    request = encode_frame(Frame(Command.INFER, 1, encode_observation(sample)), bytes.fromhex(policy.digest))
    with Machine(board_image(name).elf, board) as machine:
        assert machine.exchange(request)
        assert machine.tally.cycles / board.clock_hz * 1e3 < BOOT_MS


@pytest.mark.parametrize("name", emulated_boards())
def test_protocol_driver_and_start_up_are_small(name: str) -> None:
    sizes = board_image(name).sizes
    assert sizes.flash.runtime <= RUNTIME_FLASH_BYTES
    assert sizes.ram.static <= RUNTIME_RAM_BYTES


@pytest.mark.parametrize("name", emulated_boards())
def test_the_stack_stays_below_its_bound(name: str) -> None:
    """The bound covers software floats and division where the core has neither."""
    with in_emulator(name) as device:
        for sample in observations(small_policy(), 5):
            device.infer(sample)
        assert 0 < device.machine.stack_bytes <= board_image(name).sizes.ram.stack


@pytest.mark.parametrize("name", emulated_boards())
def test_the_cycles_that_a_board_reports_are_those_that_passed(name: str) -> None:
    """The board's own counter against the machine's, which counts from the first instruction to the return."""
    image = board_image(name)
    with in_emulator(name) as device:
        symbols = device.machine.program.symbols
        infer = next(s.name for s in symbols if s.kind == "function" and s.address == image.policy.infer)
        span = device.machine.watch(infer)
        reply = device.infer(observations(small_policy(), 1)[0])
        passed = device.machine.span(span).max_cycles
    assert passed <= reply.cycles <= passed + 60
