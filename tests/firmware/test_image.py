"""Images: reproducible, measured from the ELF, within the runtime's budget, or refused with a reason."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.firmware.board import Memory
from ganglion.firmware.elf import read_program
from ganglion.firmware.image import ImageError, build_image
from ganglion.firmware.toolchain import ToolchainError, find_toolchain
from tests.support.host_device import FIXTURES
from tests.support.images import TOOLCHAINS, board, hopper_image, hopper_policy

RUNTIME_FLASH_BYTES = 6 * 1024
RUNTIME_RAM_BYTES = 1024


@dataclass(frozen=True)
class TextPlan:
    files: dict[str, str]


def plan_with(before: str = "", **changes: str) -> TextPlan:
    """The small policy of the fixtures, with other macros' values or text before it."""
    text = (FIXTURES / "policy.c").read_text()
    for name, value in changes.items():
        text = re.sub(rf"\b{name} = \d+", f"{name} = {value}", text)
    include = '#include "ganglion_policy.h"'
    return TextPlan({"policy.c": text.replace(include, f"{include}\n{before}")})


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_two_builds_give_the_same_bytes(toolchain: str, tmp_path: Path) -> None:
    images = [build_image(FIXTURES, board(), find_toolchain(toolchain, board()), tmp_path / name) for name in "ab"]
    for file in ("elf", "bin"):
        first, second = (getattr(image, file).read_bytes() for image in images)
        assert first == second
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["firmware.bin", "firmware.elf"]
    assert str(tmp_path.parent).encode() not in images[0].elf.read_bytes()


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_the_runtime_keeps_its_budget(toolchain: str) -> None:
    image = hopper_image(toolchain)
    assert image.sizes.flash.runtime <= RUNTIME_FLASH_BYTES
    assert image.sizes.ram.static <= RUNTIME_RAM_BYTES


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_flash_is_counted_by_kind_and_adds_up(toolchain: str) -> None:
    image = hopper_image(toolchain)
    plan = compile_policy(hopper_policy(), CompileOptions(name="hopper"))
    flash = image.sizes.flash
    assert flash.weights == plan.policy.nonzeros
    assert flash.indices >= plan.policy.nonzeros
    assert min(flash.biases, flash.tables, flash.code) > 0
    assert flash.total == image.bin.stat().st_size
    assert flash.policy == flash.weights + flash.indices + flash.biases + flash.tables + flash.code


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_the_image_says_which_policy_it_holds(toolchain: str) -> None:
    record = hopper_image(toolchain).policy
    assert record.name == "hopper"
    assert record.digest == hopper_policy().digest
    assert (record.features, record.actions) == (11, 3)


def test_the_binary_is_the_flash_of_the_elf() -> None:
    image = hopper_image()
    program = read_program(image.elf)
    assert image.bin.read_bytes() == program.flash
    assert program.pieces[0][0] == board().flash.origin
    stack, reset = memoryview(program.read(board().flash.origin, 8)).cast("I")
    assert stack == board().ram.origin + board().ram.bytes
    assert reset == program.symbol("reset_handler").address | 1


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_nothing_from_a_library_and_no_allocation(toolchain: str) -> None:
    names = {symbol.name for symbol in read_program(hopper_image(toolchain).elf).symbols}
    assert not names & {"malloc", "free", "_sbrk", "printf", "exit", "__aeabi_fadd", "__aeabi_dadd"}


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_a_policy_too_big_for_flash_is_refused_with_what_is_missing(toolchain: str, tmp_path: Path) -> None:
    table = "extern const uint8_t tiny_large[]; const uint8_t tiny_large[1 << 20] __attribute__((used)) = {1};"
    tool = find_toolchain(toolchain, board())
    plan = plan_with(table)
    plan.files["policy.c"] = plan.files["policy.c"].replace('.name = "tiny"', ".name = (const char *)tiny_large")
    message = r"has 1,048,576: .* are missing\. .*prune the policy to at most \d+% of"
    with pytest.raises(ImageError, match=message) as raised:
        build_image(plan, board(), tool, tmp_path)
    missing = int(re.search(r"([\d,]+) are missing", str(raised.value))[1].replace(",", ""))
    rest = build_image(FIXTURES, board(), tool, tmp_path.with_name("rest")).sizes.flash.total
    assert rest - 64 <= missing <= rest + 64
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_static_data_too_big_for_ram_is_refused(toolchain: str, tmp_path: Path) -> None:
    before = "static volatile uint8_t scratch[1 << 17];\nstatic void touch(void) { scratch[0]++; }"
    plan = plan_with(before)
    plan.files["policy.c"] = plan.files["policy.c"].replace(
        "int16_t action[ACTIONS];", "int16_t action[ACTIONS]; touch();"
    )
    with pytest.raises(ImageError, match=r"bytes of RAM, board stm32f405 has 131,072: [\d,]+ are missing"):
        build_image(plan, board(), find_toolchain(toolchain, board()), tmp_path)


def test_a_stack_too_big_for_ram_is_refused(tmp_path: Path) -> None:
    plan = plan_with()
    plan.files["policy.c"] = plan.files["policy.c"].replace(
        "int16_t action[ACTIONS];",
        "int16_t action[ACTIONS]; volatile uint8_t scratch[1 << 17]; for (int i = 0; i < 1 << 17; i++) scratch[i] = 1;",
    )
    with pytest.raises(ImageError, match="bytes of RAM"):
        build_image(plan, board(), find_toolchain("zig", board()), tmp_path)


def test_a_broken_policy_shows_the_compilers_words_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="nonsense"):
        build_image(TextPlan({"policy.c": "nonsense"}), board(), find_toolchain("zig", board()), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_plan_without_the_policys_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not define"):
        build_image(TextPlan({"policy.c": "extern int x; int x;"}), board(), find_toolchain("zig", board()), tmp_path)
    with pytest.raises(ImageError, match=r"has no policy\.c"):
        build_image(tmp_path, board(), find_toolchain("zig", board()), tmp_path)


def test_a_failed_build_keeps_the_earlier_image(tmp_path: Path) -> None:
    tool = find_toolchain("zig", board())
    before = build_image(FIXTURES, board(), tool, tmp_path).elf.read_bytes()
    with pytest.raises(ToolchainError):
        build_image(TextPlan({"policy.c": "nonsense"}), board(), tool, tmp_path)
    assert (tmp_path / "firmware.elf").read_bytes() == before


def test_unknown_or_missing_toolchains_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolchainError, match="there is no toolchain 'icc'; allowed: zig, gcc"):
        find_toolchain("icc", board())
    with pytest.raises(ToolchainError, match=r"core 'avr' has no compiler options; known: .*cortex-m4"):
        find_toolchain("zig", replace(board(), core="avr"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolchainError, match="apt install gcc-arm-none-eabi"):
        find_toolchain("gcc", board())


def test_the_elf_is_for_the_boards_core() -> None:
    with hopper_image().elf.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".ARM.attributes")
        attributes = {a.tag: a.value for a in section.subsections[0].subsubsections[0].iter_attributes()}
    assert attributes["TAG_CPU_ARCH_PROFILE"] == ord("M")
    assert attributes["TAG_CPU_NAME"].lower() == board().core


def test_memory_sizes_are_data() -> None:
    assert board().flash == Memory(0x08000000, 1 << 20, 5)
