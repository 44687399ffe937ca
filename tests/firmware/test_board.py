"""board.toml is the truth about a board, and says so when it is not."""

from __future__ import annotations

import re
import tomllib

import pytest

from ganglion.firmware.board import BOARDS, BoardError, board_names, load_board, parse_board
from ganglion.firmware.board_table import board_rows, markdown_table


def entries() -> dict:
    return tomllib.loads((BOARDS / "stm32f405/board.toml").read_text())


@pytest.mark.parametrize("name", board_names())
def test_every_board_loads_and_has_its_files(name: str) -> None:
    board = load_board(name)
    for file in board.files:
        folder, _, source = file.partition("/")
        assert ((board.folder if folder == "board" else BOARDS.parent / folder) / source).is_file()


@pytest.mark.parametrize("name", board_names())
def test_the_linker_script_has_the_memory_of_board_toml(name: str) -> None:
    board = load_board(name)
    script = (board.folder / "memory.ld").read_text()
    for region, memory in (("FLASH", board.flash), ("RAM", board.ram)):
        origin, kilobytes = re.search(rf"{region} \(\w+\) *: ORIGIN = (\w+), LENGTH = (\d+)K", script).groups()
        assert (int(origin, 16), int(kilobytes) * 1024) == (memory.origin, memory.bytes)


@pytest.mark.parametrize("name", board_names())
def test_the_vector_table_holds_the_port_and_lies_where_vtor_can_point(name: str) -> None:
    """ARMv7-M ARM, B3.2.5: aligned to its size, rounded up to a power of two."""
    board = load_board(name)
    assert 0 <= board.usart.interrupt < board.interrupts
    table_bytes = 4 * (16 + board.interrupts)
    assert board.vectors % (1 << (table_bytes - 1).bit_length()) == 0


@pytest.mark.parametrize("name", board_names())
def test_the_registers_of_the_port_can_be_told_from_memory(name: str) -> None:
    board = load_board(name)
    for memory in (board.flash, board.ram):
        assert not memory.origin <= board.usart.base < memory.origin + memory.bytes


@pytest.mark.parametrize("name", board_names())
def test_what_can_be_flashed_says_how_to_know_its_chip(name: str) -> None:
    flashing = load_board(name).flashing
    if flashing is not None:
        assert flashing.chip.values and all(value & ~flashing.chip.mask == 0 for value in flashing.chip.values)
        assert (flashing.uf2_family is None) == (flashing.uf2_board_id is None)
        assert all(file.startswith(("interface/", "target/")) for file in flashing.openocd)


def test_the_list_in_the_documentation_is_that_of_the_data() -> None:
    page = (BOARDS.parents[1] / "docs/boards.md").read_text()
    assert f"<!-- ganglion boards --markdown -->\n{markdown_table()}\n<!-- end -->" in page


def test_every_board_has_run_in_a_model() -> None:
    assert [row[0] for row in board_rows()] == board_names()
    assert all("QEMU" in row[4] or "emulator" in row[4] for row in board_rows())


@pytest.mark.parametrize("name", ["stm32f4", "STM32F405", "stm32f407"])
def test_an_unknown_board_gets_the_nearest_name(name: str) -> None:
    with pytest.raises(BoardError, match=r"did you mean 'stm32f405'.*boards: .*stm32f405"):
        load_board(name)


def test_a_name_like_no_board_gets_the_list() -> None:
    with pytest.raises(BoardError, match=r"there is no board 'xyz'; boards: "):
        load_board("xyz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "unknown entry 'colour'; allowed: name"),
        ({"clock_hz": "fast"}, "clock_hz is 'fast'; int is needed"),
        ({"fpu": 1}, "fpu is 1; bool is needed"),
        ({"flash": {"origin": 0}}, "flash: the entry 'bytes' is missing"),
        ({"usart": 3}, "usart is 3; Usart is needed"),
        ({"run_current": {"microamperes": 40_000}}, "run_current: the entry 'millivolts' is missing"),
        ({"sources": "board.c"}, "sources is 'board.c'"),
        ({"flashing": {"pyocd_target": "x"}}, "flashing: the entry 'openocd' is missing"),
        ({"flashing": {"pyocd_target": "x", "openocd": [1], "chip": 0}}, r"flashing: openocd is \[1\]; tuple"),
        ({"boot2": 3}, "boot2 is 3; str | None is needed"),
        ({"name": "other"}, "name is 'other', the folder is 'stm32f405'"),
    ],
)
def test_a_wrong_entry_is_named(change: dict, message: str) -> None:
    with pytest.raises(BoardError, match=message):
        parse_board(entries() | change, "stm32f405")


OPTIONAL = {"drivers", "qemu_machine", "flashing", "run_current", "watchdog"}


@pytest.mark.parametrize("name", sorted(set(entries()) - OPTIONAL))
def test_a_missing_entry_is_named(name: str) -> None:
    with pytest.raises(BoardError, match=f"the entry {name!r} is missing"):
        parse_board({key: value for key, value in entries().items() if key != name}, "stm32f405")


def test_energy_per_cycle_is_the_published_current_times_voltage_over_clock() -> None:
    """40 mA x 3.3 V / 168 MHz."""
    assert load_board("stm32f405").energy_per_cycle_nj == pytest.approx(0.040 * 3.3 / 168e6 * 1e9)


def test_without_a_published_current_there_is_no_energy() -> None:
    board = parse_board({key: value for key, value in entries().items() if key != "run_current"}, "stm32f405")
    assert board.run_current is None and board.energy_per_cycle_nj is None


@pytest.mark.parametrize("name", board_names())
def test_a_current_says_where_it_comes_from(name: str) -> None:
    current = load_board(name).run_current
    assert current is None or ("table" in current.source and str(current.microamperes // 1000) in current.source)
