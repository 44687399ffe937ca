"""Loads that are not aligned: counted by hand, by single steps, and found in every kernel that makes them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import unicorn
from capstone import arm

from ganglion.bench.nets import erk_net
from ganglion.codegen.timing import decode, load_core
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator import Caller
from ganglion.firmware.emulator.alignment import unaligned_loads, width_bytes
from ganglion.firmware.emulator.registers import UNICORN_REGISTERS
from tests.support.assembly import link_functions
from tests.support.kernel_cores import kernels_and_cores
from tests.support.kernel_runs import build

SEQUENCES = {
    "word": ("ldr r0, [r0, r1]", 2),
    "halfword": ("ldrh r0, [r0, r1]", 2),
    "signed_halfword": ("ldrsh r0, [r0, r1]", 2),
    "byte": ("ldrb r0, [r0, r1]", 2),
    "scaled_halfword": ("ldrh r0, [r0, r1, lsl #1]", 2),
    "half_scaled_word": ("ldr r0, [r0, r1, lsl #1]", 2),
    "offset": ("ldr r0, [r0, #3]", 2),
    "stepped": ("ldrh r2, [r0], #1\nldr r0, [r0]", 2 + 1),
    "moved": ("add r0, r0, r1\nldr r0, [r0]", 1 + 2 + 1),
    "store": ("str r1, [r0, #1]", 1),
}
"""Name: instructions, with r0 = a multiple of 4 and r1 = the index, and their cycles where all is aligned."""
RETURN_CYCLES = 3


@cache
def sequences() -> Path:
    """A program with each sequence as a function."""
    return link_functions({name: f"{text}\nbx lr" for name, (text, _) in SEQUENCES.items()})


def cycles(name: str, index: int, core: str = "cortex-m4") -> int:
    """Cycles of a sequence beyond those that it takes with all aligned."""
    with Caller(sequences(), core) as caller:
        data = caller.place(bytes(16), 4)
        return caller.call(name, data, index).cycles - SEQUENCES[name][1] - RETURN_CYCLES


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4", "cortex-m7"])
@pytest.mark.parametrize(
    "name, more",
    [
        ("word", [0, 2, 1, 2, 0]),
        ("halfword", [0, 1, 0, 1, 0]),
        ("signed_halfword", [0, 1, 0, 1, 0]),
        ("byte", [0, 0, 0, 0, 0]),
        ("scaled_halfword", [0, 0, 0, 0, 0]),
        ("half_scaled_word", [0, 1, 0, 1, 0]),
        ("offset", [2]),
        ("stepped", [2]),
        ("moved", [0, 2, 1, 2, 0]),
        ("store", [0]),
    ],
)
def test_loads_counted_by_hand(name: str, more: list[int], core: str) -> None:
    """Section 3.3.2 of the manual: a halfword at an odd address takes one cycle more, a word at an even one 1 and at an
    odd one 2; stores wait in the write buffer."""
    assert [cycles(name, index, core) for index in range(len(more))] == more


def test_a_load_that_cannot_meet_such_an_address_is_not_watched() -> None:
    program = read_program(sequences())
    watched = {load.address for load in unaligned_loads(program)}
    free = [program.symbol(name).address for name in ("byte", "scaled_halfword", "store")]
    assert not watched & set(free)
    assert len(watched) == len(SEQUENCES) - len(free) + 1, "one each, and both of `stepped`"


def seen_step_by_step(caller: Caller, function: str, *arguments: int) -> int:
    """What the loads of a call cost more, by the address of every one of them before it runs."""
    costs, more = load_core("cortex-m4").unaligned_loads, 0
    by_name = {"ldr": costs.word_cycles, "ldrh": costs.halfword_cycles, "ldrsh": costs.halfword_cycles}

    def value(register: int | None) -> int:
        return caller.engine.uc.reg_read(UNICORN_REGISTERS[register]) if register is not None else 0

    def on_step(uc: unicorn.Uc, address: int, size: int, user: object) -> None:
        nonlocal more
        load = decode(bytes(uc.mem_read(address, size)), address)[0]
        if load.mnemonic in by_name and load.memory.base != arm.ARM_REG_PC:
            memory = load.memory
            target = value(memory.base) + (value(memory.index) << memory.shift) + memory.displacement
            more += by_name[load.mnemonic][target % 4]

    hook = caller.engine.uc.hook_add(unicorn.UC_HOOK_CODE, on_step)
    caller.engine.uc.ctl_flush_tb()
    caller.call(function, *arguments)
    caller.engine.uc.hook_del(hook)
    return more


def counted(caller: Caller, function: str, *arguments: int) -> int:
    """The same by the model: all cycles of the call less those of its edges."""
    caller.engine.clear_counts()
    total = caller.call(function, *arguments).cycles
    return total - sum(tally.cycles for tally in caller.engine.profile().values())


@pytest.mark.parametrize("kernel", [name for name, core in kernels_and_cores(["cortex-m4"])])
def test_no_load_of_a_kernel_escapes(kernel: str, tmp_path: Path) -> None:
    elf, _ = build({"net": erk_net((11, 24, 24, 3), 0.8)}, kernel, tmp_path)
    codes = np.random.default_rng(1).integers(-128, 128, 11).astype(np.int8).tobytes()
    with Caller(elf) as caller:
        arguments = (caller.place(codes), caller.place(bytes(6)), 1)
        found = counted(caller, "net_actions", *arguments)
        assert found == seen_step_by_step(caller, "net_actions", *arguments)
        assert found > 0 or kernel != "stream"


def test_widths_are_those_of_the_instruction() -> None:
    assert {width_bytes(load) for load in unaligned_loads(read_program(sequences()))} == {2, 4}
