"""The stack bound: never below what the compilers say, and refused where there is none."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn.arm_const import UC_ARM_REG_PC, UC_ARM_REG_SP, UC_CPU_ARM_CORTEX_M4

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import write_plan
from ganglion.firmware.board import FOLDER
from ganglion.firmware.elf import Program, Symbol, read_program
from ganglion.firmware.image import POLICY_OPTIMISATION, Image, build_image
from ganglion.firmware.stack import EXCEPTION_FRAME_BYTES, StackError, read_frames, taken_bytes
from ganglion.firmware.toolchain import find_toolchain
from ganglion.firmware.wire import Command, Frame, encode_frame, encode_observation
from tests.firmware.test_image import plan_with
from tests.support.images import TOOLCHAINS, board, hopper_image, hopper_policy

PAINT = b"\xa5"
SR_TXE, SR_TC = 1 << 7, 1 << 6


def compilers_frames(elf: Path) -> dict[str, int]:
    """What clang writes to .stack_sizes: (address, unsigned LEB128) pairs."""
    file = ELFFile(io.BytesIO(elf.read_bytes()))
    content = b"".join(s.data() for s in file.iter_sections() if s.name == ".stack_sizes")
    symbols = file.get_section_by_name(".symtab").iter_symbols()
    names = {s["st_value"] & ~1: s.name for s in symbols if s["st_info"]["type"] == "STT_FUNC"}
    frames, at = {}, 0
    while at < len(content):
        address = int.from_bytes(content[at : at + 4], "little") & ~1
        at, size, shift = at + 4, 0, 0
        while True:
            byte, at = content[at], at + 1
            size, shift = size | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        if address in names:
            frames[names[address]] = size
    return frames


def test_frames_equal_clangs() -> None:
    image = hopper_image("zig")
    own = {frame.name: frame.bytes for frame in read_frames(read_program(image.elf)).values()}
    theirs = compilers_frames(image.elf)
    assert len(theirs) > 20
    shared = own.keys() & theirs.keys()
    assert {name: own[name] for name in shared} == {name: theirs[name] for name in shared}


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is missing")
def test_frames_equal_gccs(tmp_path: Path) -> None:
    """GCC's -fstack-usage lines: file:line:column:function, bytes, qualifier."""
    plan = compile_policy(hopper_policy(), CompileOptions(name="hopper"))
    write_plan(plan, tmp_path / "policy")
    shutil.copytree(FOLDER / "runtime", tmp_path / "runtime")
    find_toolchain("gcc", board()).compile("policy/policy.c", tmp_path, {}, optimise=POLICY_OPTIMISATION)
    lines = [line.split("\t") for line in (tmp_path / "policy/policy.su").read_text().splitlines()]
    theirs = {place.split(":")[-1]: int(size) for place, size, _ in lines}
    own = {frame.name: frame.bytes for frame in read_frames(read_program(hopper_image("gcc").elf)).values()}
    assert {"hopper_policy_infer", "hopper_self_test"} <= theirs.keys()
    assert {name: own[name] for name in theirs} == theirs


def used_stack_bytes(image: Image, stream: bytes) -> int:
    """Run the image with `stream` in its receive ring until it waits; how deep the stack has been.

    Peripherals are plain memory: no oscillator gets ready, and the USART is always ready to send.
    """
    program, ram = read_program(image.elf), image.board.ram
    core = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    core.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M4)
    core.mem_map(image.board.flash.origin, image.board.flash.bytes)
    core.mem_write(image.board.flash.origin, program.flash)
    core.mem_map(ram.origin, ram.bytes)
    core.mem_write(ram.origin, PAINT * ram.bytes)
    for base in (0x40000000, 0xE0000000):
        core.mem_map(base, 1 << 20)
    core.mem_write(image.board.usart.base, (SR_TXE | SR_TC).to_bytes(4, "little"))
    core.reg_write(UC_ARM_REG_SP, ram.origin + ram.bytes)
    core.emu_start(program.symbol("reset_handler").address | 1, program.symbol("board_wait").address)
    core.mem_write(program.symbol("ring").address, stream)
    core.mem_write(program.symbol("head").address, bytes([len(stream)]))
    core.emu_start(program.symbol("board_wait").address | 1, 0, count=1)
    core.emu_start(core.reg_read(UC_ARM_REG_PC) | 1, program.symbol("board_wait").address)
    content = bytes(core.mem_read(ram.origin, ram.bytes))
    assert core.mem_read(program.symbol("tail").address, 1)[0] == len(stream)
    return len(content[image.sizes.ram.static :].lstrip(PAINT))


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_the_bound_holds_on_the_core(toolchain: str) -> None:
    image, digest = hopper_image(toolchain), bytes.fromhex(hopper_policy().digest)
    infer = Frame(Command.INFER, 1, encode_observation(np.ones(11, np.float32)))
    stream = encode_frame(Frame(Command.HELLO, 0, b""), digest) + encode_frame(infer, digest)
    used = used_stack_bytes(image, stream)
    frames = {frame.name: frame.bytes for frame in read_frames(read_program(image.elf)).values()}
    interrupt = EXCEPTION_FRAME_BYTES + frames["usart_handler"]
    assert 300 < used <= image.sizes.ram.stack - interrupt


@pytest.mark.parametrize(
    ("instruction", "taken"),
    [
        ("push {r4, r5, lr}", 12),
        ("push.w {r4, r5, r6, r7, r8, lr}", 24),
        ("vpush {d8, d9}", 16),
        ("vpush {s16}", 4),
        ("stmdb sp!, {r4, r5}", 8),
        ("str lr, [sp, #-8]!", 8),
        ("strd r0, r1, [sp, #-0x10]!", 16),
        ("sub sp, #0x1f8", 504),
        ("sub.w sp, sp, #0x20000", 131072),
        ("add sp, #0x10", 0),
        ("stm.w sp, {r0, r1}", 0),
        ("cmp sp, r0", 0),
        ("mov sp, r7", 0),
    ],
)
def test_what_an_instruction_takes(instruction: str, taken: int) -> None:
    assert taken_bytes(*instruction.split(" ", 1), "function", {"r7"}) == taken


@pytest.mark.parametrize(
    "instruction",
    ["sub.w sp, sp, r3", "add sp, r4", "add.w sp, sp, #-8", "mov sp, r6", "ldr.w sp, [r0]", "sub.w sp, r7, #8"],
)
def test_what_cannot_be_told_is_refused(instruction: str) -> None:
    with pytest.raises(StackError, match=r"function: .* moves the stack pointer by an unknown amount"):
        taken_bytes(*instruction.split(" ", 1), "function", {"r7"})


def test_a_jump_into_a_function_counts_as_a_call_of_it() -> None:
    """`b 0x08000012` at 0x08000000; `push {r4-r7, lr}; nop; pop {r4-r7, pc}` at 0x08000010, as libraries share ends."""
    halfwords = {0x00: 0xE007, 0x10: 0xB5F0, 0x12: 0xBF00, 0x14: 0xBDF0}
    code = b"".join(halfwords.get(at, 0xBF00).to_bytes(2, "little") for at in range(0, 0x16, 2))
    symbols = (
        Symbol("jumps", "function", 0x0800_0000, 2), Symbol("shares", "function", 0x0800_0010, 6),
        Symbol("$t", "other", 0x0800_0000, 0),
    )  # fmt: skip
    frames = read_frames(Program(symbols, {}, ((0x0800_0000, code),)))
    assert frames[0x0800_0000].calls == {0x0800_0010}
    assert frames[0x0800_0010].bytes == 20


def test_recursion_has_no_bound(tmp_path: Path) -> None:
    before = (
        "int down(volatile int n);\nint down(volatile int n) { volatile int x = n; return n ? down(n - 1) + x : 0; }"
    )
    plan = plan_with(before)
    plan.files["policy.c"] = plan.files["policy.c"].replace(
        "int16_t action[ACTIONS];", "int16_t action[ACTIONS]; down(3);"
    )
    with pytest.raises(StackError, match="down calls itself"):
        build_image(plan, board(), find_toolchain("zig", board()), tmp_path)


def test_a_variable_frame_has_no_bound(tmp_path: Path) -> None:
    before = "int wide(int n);\nint wide(int n) { volatile char x[n]; x[0] = 1; return x[0]; }"
    plan = plan_with(before)
    plan.files["policy.c"] = plan.files["policy.c"].replace(
        "int16_t action[ACTIONS];", "int16_t action[ACTIONS]; wide((int)*(volatile const int8_t *)tiny_weights);"
    )
    with pytest.raises(StackError, match=r"wide: `.*sp.*` moves the stack pointer by an unknown amount"):
        build_image(plan, board(), find_toolchain("zig", board()), tmp_path)
