"""The emulated board: exceptions, registers, counts, and clear words for every way to go wrong."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ganglion.codegen.timing import CoreError, load_core
from ganglion.firmware.board import load_board
from ganglion.firmware.elf import read_program
from ganglion.firmware.emulator import BudgetError, Caller, EmulatorError, Machine
from ganglion.firmware.emulator import machine as machine_module
from ganglion.firmware.emulator.peripheral_map import PeripheralMapError, load_peripheral_map
from tests.support.assembly import link_functions
from tests.support.programs import program
from tests.support.single_step import count_call

BOARD = load_board("stm32f405")
BUFFER = bytes(64)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine(program("exerciser"), BOARD, budget_instructions=1_000_000) as machine:
        assert machine.exchange() == b""
        yield machine


def word(answer: bytes) -> int:
    return struct.unpack("<I", answer)[0]


def test_a_byte_comes_in_by_interrupt_and_the_answer_goes_out(machine: Machine) -> None:
    assert word(machine.exchange(b"a")) == 0x11223344
    assert machine.interrupts == 1
    assert machine.exchange(b"aaa") == struct.pack("<I", 0x11223344) * 3
    assert machine.interrupts == 4


def test_nothing_runs_while_the_board_sleeps(machine: Machine) -> None:
    before = machine.tally
    assert machine.exchange() == b""
    assert machine.tally == before


def test_the_handler_sees_its_exception_number(machine: Machine) -> None:
    assert word(machine.exchange(b"i")) == 16 + BOARD.usart.interrupt


def test_status_fields_follow_control_fields(machine: Machine) -> None:
    assert word(machine.exchange(b"R")) == 0x00030083


def test_a_handler_that_uses_the_fpu_leaves_the_threads_registers_alone(machine: Machine) -> None:
    """The first byte starts the thread's loop; the others interrupt it, and their handler writes s0, s1, s15."""
    answer = machine.exchange(b"f" + b"z" * 60)
    assert struct.unpack("<f", answer[:4]) == (2.0,)
    assert answer[4:] == struct.pack("<I", ord("z")) * 60
    assert word(machine.exchange(b"h")) == 62


def test_the_cycle_counter_is_exact_inside_blocks(machine: Machine) -> None:
    """LDR 2, three NOP, B 1 + P, NOP: 2 + 3 + 3 + 1 with P = 2."""
    assert word(machine.exchange(b"c")) == 9


@pytest.mark.parametrize("refill", [1, 2, 3])
def test_refill_cycles_are_the_callers_choice(refill: int) -> None:
    with Machine(program("exerciser"), BOARD, refill) as machine:
        assert machine.cycles_source == f"model:cortex-m4,P={refill},ws=0"
        assert word(machine.exchange(b"c")) == 7 + refill


def test_two_runs_count_the_same() -> None:
    def run() -> tuple:
        with Machine(program("exerciser"), BOARD) as machine:
            return machine.exchange(b"kfsk"), machine.tally, machine.engine.profile(), machine.stack_bytes

    assert run() == run()


def test_code_in_ram_is_run_as_it_was_written_last() -> None:
    """The function stores an instruction where r0 says, behind it `bx lr`, and jumps there."""
    elf = link_functions({"patch": "movw r2, #0x4770\nstrh r1, [r0]\nstrh r2, [r0, #2]\nadds r0, #1\nbx r0"})
    with Caller(elf) as caller:
        place = caller.place(bytes(8))
        answers = [caller.call("patch", place, 0x2000 + number).value for number in (3, 7, 3)]
    assert answers == [3, 7, 3], "0x2000 + n is movs r0, #n"


def test_a_reset_starts_the_program_again(machine: Machine) -> None:
    machine.exchange(b"r")
    assert word(machine.exchange(b"h")) == 2


def test_a_call_that_a_reset_ends_is_not_counted(machine: Machine) -> None:
    index = machine.watch("restart")
    for command in (b"r", b"k", b"q"):
        machine.exchange(command)
    span = machine.span(index)
    assert span.calls == 1 and span.max_cycles < 20


def test_flags_of_a_watchdog_outside_of_all_registers_are_refused(monkeypatch) -> None:
    watched = load_board("nucleo-f446re")
    peripherals = load_peripheral_map(watched.name)
    elsewhere = replace(peripherals, watchdog=replace(peripherals.watchdog, flags_register=0x9000_0000))
    monkeypatch.setattr(machine_module, "load_peripheral_map", lambda name: elsewhere)
    with pytest.raises(EmulatorError, match="the watchdog's flags"):
        Machine(program("exerciser"), watched)


def test_profile_and_spans_agree_with_the_total(machine: Machine) -> None:
    index = machine.watch("kernel")
    machine.engine.clear_counts()
    before = machine.tally
    machine.exchange(b"kk")
    span, after = machine.span(index), machine.tally
    profile = machine.engine.profile()
    assert span.calls == 2 and span.min_cycles <= span.max_cycles
    assert span.total_cycles == span.min_cycles + span.max_cycles
    assert profile["kernel"].cycles < span.total_cycles <= profile["kernel"].cycles + profile["below"].cycles
    assert sum(tally.instructions for tally in profile.values()) == after.instructions - before.instructions
    exceptions = load_core(BOARD.core).exceptions
    shared = sum(tally.cycles for tally in profile.values())
    least = exceptions.entry_cycles + exceptions.return_cycles
    assert after.cycles - before.cycles - shared in range(2 * least, 2 * (least + exceptions.return_float_cycles) + 1)


def test_the_deepest_stack_is_remembered(machine: Machine) -> None:
    shallow = machine.stack_bytes
    machine.exchange(b"s")
    deep = machine.stack_bytes
    assert deep >= shallow + 20 * 32
    machine.exchange(b"a")
    assert machine.stack_bytes == deep


@pytest.mark.parametrize("refill", [1, 2, 3])
@pytest.mark.parametrize("rounds", [1, 2, 19])
def test_counts_equal_those_of_single_steps(refill: int, rounds: int) -> None:
    elf = program("exerciser")
    with Caller(elf, refill=refill) as caller:
        result = caller.call("kernel", rounds, caller.place(BUFFER))
        entry = caller.program.symbol("kernel").address
    cycles, instructions = count_call(elf, entry, [rounds, 0x6800_0000], BUFFER, load_core("cortex-m4"), refill)
    assert (result.cycles, result.instructions) == (cycles, instructions)


def test_a_call_gives_the_value_and_the_stack(machine: Machine) -> None:
    with Caller(program("exerciser")) as caller:
        first = caller.call("below", 5)
        assert first.value == 1 + 5 + 4 + 3 + 2 + 1
        assert caller.call("below", 5) == first
        assert caller.call("below", 6).stack_bytes > first.stack_bytes
        assert caller.call("kernel", 100, caller.place(BUFFER)).value == word(machine.exchange(b"k"))


FAULTS = {
    "m": r"read of unmapped memory at 0x30000000 at 0x0800\w+ \(\w+\+0x\w+\); r0=",
    "p": r"read of the register 0x40026400, which the emulator does not model at 0x0800\w+ \(\w+\+",
    "t": r"SysTick's interrupt is enabled.* at 0x0800",
    "u": r"undefined instruction.* at 0x0800\w+ \(\w+\+",
    "v": r"SVC, which the emulator does not model at 0x0800",
    "w": r"write to flash at 0x08000000 at 0x0800",
    "x": r"jump into unmapped memory at 0x30000100",
}


@pytest.mark.parametrize("command", FAULTS)
def test_a_fault_is_told_with_place_and_registers(machine: Machine, command: str) -> None:
    with pytest.raises(EmulatorError) as raised:
        machine.exchange(command.encode())
    assert re.search(FAULTS[command], str(raised.value)), raised.value


def test_a_vector_table_outside_of_memory_is_told_with_the_vector(machine: Machine) -> None:
    machine.exchange(b"n")
    with pytest.raises(EmulatorError, match=r"read of unmapped memory at 0x300000D4 at 0x0800"):
        machine.exchange(b"a")


def test_a_program_that_hangs_is_stopped(machine: Machine) -> None:
    with pytest.raises(BudgetError, match=r"1,000,000 instructions ran without WFI.*0x0800\w+ \(\w+\+0x"):
        machine.exchange(b"l")


def test_the_fpu_is_off_until_the_program_enables_it() -> None:
    with Machine(program("exerciser", "WITHOUT_FPU"), BOARD) as machine:
        assert word(machine.exchange(b"a")) == 0x11223344
        with pytest.raises(EmulatorError, match="before CPACR gives access to the FPU"):
            machine.exchange(b"f")


def test_instructions_that_the_core_lacks_are_refused() -> None:
    with (
        Caller(program("exerciser"), core="cortex-m0plus") as caller,
        pytest.raises(EmulatorError, match=r"cortex-m0plus .* does not have"),
    ):
        caller.call("kernel", 3, caller.place(BUFFER))


@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m33"])
def test_cores_without_a_table_of_their_own_are_estimates(core: str) -> None:
    def run(core: str) -> tuple[str, int, int]:
        with Caller(program("exerciser"), core) as caller:
            result = caller.call("kernel", 19, caller.place(BUFFER))
            return caller.cycles_source, result.cycles, result.value

    source, *counts = run(core)
    assert source == f"estimate:{core},P=2,ws=0"
    assert counts == list(run("cortex-m4")[1:])


def test_files_that_are_no_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="there is no firmware image"):
        Machine(tmp_path / "none.elf", BOARD)
    (tmp_path / "text.elf").write_text("not an ELF file")
    with pytest.raises(EmulatorError, match="not a linked ELF file"):
        Machine(tmp_path / "text.elf", BOARD)
    whole = program("exerciser").read_bytes()
    (tmp_path / "half.elf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EmulatorError, match="not a linked ELF file"):
        Machine(tmp_path / "half.elf", BOARD)


def test_images_for_other_memory_are_refused() -> None:
    elsewhere = replace(BOARD, flash=replace(BOARD.flash, origin=0x1000_0000))
    with pytest.raises(EmulatorError, match="outside the flash of stm32f405"):
        Machine(program("exerciser"), elsewhere)
    small = replace(BOARD, ram=replace(BOARD.ram, bytes=4096))
    with pytest.raises(EmulatorError, match="stack pointer 0x20020000 is not in RAM"):
        Machine(program("exerciser"), small)


def test_unknown_boards_functions_and_refills_are_refused(machine: Machine) -> None:
    with pytest.raises(PeripheralMapError, match=r"emulated boards: .*stm32f405"):
        Machine(program("exerciser"), replace(BOARD, name="other"))
    with pytest.raises(CoreError, match="allowed: 1, 2, 3"):
        Machine(program("exerciser"), BOARD, refill=5)
    with pytest.raises(EmulatorError, match="no symbol 'nothing'"):
        machine.watch("nothing")
    assert read_program(program("exerciser")).symbol("kernel").kind == "function"
