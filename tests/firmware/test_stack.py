"""The stack bound: never below what the compilers say, and refused where there is none."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import write_plan
from ganglion.firmware.board import FOLDER
from ganglion.firmware.elf import read_program
from ganglion.firmware.image import POLICY_OPTIMISATION, build_image
from ganglion.firmware.stack import EXCEPTION_FRAME_BYTES, StackError, read_frames, stack_bound_bytes
from ganglion.firmware.toolchain import find_toolchain
from tests.firmware.test_image import plan_with
from tests.support.host_device import FIXTURES
from tests.support.images import board, hopper_image, hopper_policy


def compilers_frames(elf: Path) -> dict[str, int]:
    """What clang writes to .stack_sizes: (address, unsigned LEB128) pairs."""
    file = ELFFile(io.BytesIO(elf.read_bytes()))
    content = b"".join(s.data() for s in file.iter_sections() if s.name == ".stack_sizes")
    names = {s["st_value"] & ~1: s.name for s in file.get_section_by_name(".symtab").iter_symbols() if s["st_info"]["type"] == "STT_FUNC"}
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


def test_the_bound_is_the_deepest_way(tmp_path: Path) -> None:
    program = read_program(build_image(FIXTURES, board(), find_toolchain("zig", board()), tmp_path).elf)
    frames = {frame.name: frame.bytes for frame in read_frames(program).values()}
    way = ("reset_handler", "main", "protocol_start", "tiny_self_test")
    deepest = sum(frames[name] for name in way) + frames["tiny_infer"]
    assert deepest <= stack_bound_bytes(program) - EXCEPTION_FRAME_BYTES - frames["usart_handler"] <= deepest + 64


def test_recursion_has_no_bound(tmp_path: Path) -> None:
    before = "int down(volatile int n);\nint down(volatile int n) { volatile int x = n; return n ? down(n - 1) + x : 0; }"
    plan = plan_with(before)
    plan.files["policy.c"] = plan.files["policy.c"].replace("int16_t action[ACTIONS];", "int16_t action[ACTIONS]; down(3);")
    with pytest.raises(StackError, match="down calls itself"):
        build_image(plan, board(), find_toolchain("zig", board()), tmp_path)


def test_a_variable_frame_has_no_bound(tmp_path: Path) -> None:
    before = "int wide(int n);\nint wide(int n) { volatile char x[n]; x[0] = 1; return x[0]; }"
    plan = plan_with(before)
    plan.files["policy.c"] = plan.files["policy.c"].replace(
        "int16_t action[ACTIONS];", "int16_t action[ACTIONS]; wide((int)*(volatile const int8_t *)tiny_weights);"
    )
    with pytest.raises(StackError, match="wide: `.*sp.*` moves the stack pointer by an unknown amount"):
        build_image(plan, board(), find_toolchain("zig", board()), tmp_path)
