"""The stack bound: never below what the compilers say, and refused where there is none."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from ganglion.firmware.board import FOLDER
from ganglion.firmware.elf import Program, read_program
from ganglion.firmware.image import build_image
from ganglion.firmware.stack import EXCEPTION_FRAME_BYTES, StackError, read_frames, stack_bound_bytes
from ganglion.firmware.toolchain import find_toolchain
from tests.support.images import TOOLCHAINS, board, hopper_image
from tests.firmware.test_image import plan_with


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


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_the_bound_covers_the_way_to_the_policy(toolchain: str) -> None:
    image = hopper_image(toolchain)
    frames = {frame.name: frame.bytes for frame in read_frames(read_program(image.elf)).values()}
    way = frames["hopper_infer_codes"] + frames["protocol_receive"] + frames["main"]
    assert way + EXCEPTION_FRAME_BYTES <= image.sizes.ram.stack <= way + EXCEPTION_FRAME_BYTES + 400


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
