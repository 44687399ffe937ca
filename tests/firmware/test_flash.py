"""Wait states: the counts of the emulator against those of single steps, and against sequences counted by hand."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ganglion.bench.nets import erk_net
from ganglion.codegen.timing import FlashModelError, flash_model_names, load_core, load_flash_model
from ganglion.firmware.board import load_board
from ganglion.firmware.emulator import Caller, Machine
from tests.support.flash_steps import Flash, count_with_flash
from tests.support.kernel_runs import build
from tests.support.programs import program

SLOW = [name for name in flash_model_names() if load_flash_model(name).wait_states]
CALLS = 2


def counts(elf: Path, function: str, arguments: list[int], data: bytes, model: str) -> tuple[list[int], list[int]]:
    """Cycles of equal calls in the emulator, and by single steps."""
    with Caller(elf, flash_model=model) as caller:
        assert caller.place(data) == 0x6800_0000
        entry = caller.program.symbol(function).address
        found = []
        for _ in range(CALLS):
            caller.engine.write(0x6800_0000, data)
            found.append(caller.call(function, *arguments).cycles)
    core, flash = load_core("cortex-m4"), load_flash_model(model)
    return found, count_with_flash(elf, entry, arguments, data, core, flash, CALLS)


@cache
def kernel_elf(kernel: str) -> Path:
    elf, _ = build({"net": erk_net((5, 24, 24, 2), 0.7)}, kernel, Path(tempfile.mkdtemp(prefix="ganglion-test-")))
    return elf


@pytest.mark.parametrize("model", SLOW)
@pytest.mark.parametrize("rounds", [1, 19])
def test_a_program_waits_as_long_as_step_by_step(model: str, rounds: int) -> None:
    found, expected = counts(program("exerciser"), "kernel", [rounds, 0x6800_0000], bytes(64), model)
    assert found == expected


@pytest.mark.parametrize("model", SLOW)
@pytest.mark.parametrize("kernel", ["csr", "rows", "straight", "lanes"])
def test_a_kernel_waits_as_long_as_step_by_step(model: str, kernel: str) -> None:
    """Not `stream`: unicorn leaves out a single step now and then behind its unaligned loads."""
    arguments = [0x6800_0000, 0x6800_0040, 1]
    found, expected = counts(kernel_elf(kernel), "net_actions", arguments, bytes(range(120, 248)), model)
    assert found == expected


@pytest.mark.parametrize("model", SLOW)
def test_forgotten_lines_are_read_again(model: str) -> None:
    with Caller(kernel_elf("csr"), flash_model=model) as caller:
        source, target = caller.place(bytes(64)), caller.place(bytes(64))
        call = lambda: caller.call("net_actions", source, target, 1).cycles  # noqa: E731
        first, second = call(), call()
        caller.engine.forget_flash()
        assert second < first == call()


def test_lines_counted_by_hand() -> None:
    """5 wait states, lines of 16 bytes, three instructions of 4 bytes that take a cycle each in every line used."""
    flash = Flash(load_flash_model("stm32f405-art"))
    flash.fetch(0, 3)
    assert flash.now == 5  # the first line is read on demand; the second is asked for: ready at 5 + 6
    flash.now += 1
    flash.fetch(16, 19)
    assert flash.now == 11  # 6 + 5 until it is there; the third is ready at 17
    flash.read(1024)
    assert flash.now == 22  # behind the prefetch: 17 + 5
    flash.read(1028)
    flash.fetch(0, 3)
    assert flash.now == 22  # both lines are cached
    flash.fetch(30, 33)
    assert flash.now == 22  # across two lines, of which the second came while the core waited


def test_the_firmware_reads_the_cycles_with_wait_states() -> None:
    """LDR 2, three NOP, B 1 + P, NOP: 9 cycles where all is cached, and no fewer before that."""
    board = load_board("stm32f405")
    with Machine(program("exerciser"), board, flash_model="stm32f405-art") as machine:
        assert machine.cycles_source == "model:cortex-m4,P=2,ws=5,stm32f405-art"
        first, *others = np.frombuffer(machine.exchange(b"cccc"), "<u4").tolist()
    assert first >= 9 and others == [9, 9, 9]


def test_a_reset_empties_the_caches() -> None:
    board = load_board("stm32f405")
    with Machine(program("exerciser"), board, flash_model="stm32f405-art") as machine:
        first = machine.exchange(b"c")
        machine.exchange(b"cccr")
        assert machine.exchange(b"c") == first


def test_flash_models_that_do_not_exist_or_cannot_be_are_refused() -> None:
    with pytest.raises(FlashModelError, match="did you mean 'stm32f405-art'"):
        load_flash_model("stm32f405")
    with pytest.raises(FlashModelError, match="flash models: zero-wait, generic-64bit-4ws, stm32f405-art"):
        load_flash_model("?")
    model = load_flash_model("stm32f405-art")
    with pytest.raises(FlashModelError, match="a power of two"):
        replace(model, line_bytes=12)
    with pytest.raises(FlashModelError, match="0 to 256"):
        replace(model, data_lines=257)
    with pytest.raises(FlashModelError, match="-1 wait states"):
        replace(model, wait_states=-1)
