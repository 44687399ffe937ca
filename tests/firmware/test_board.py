"""board.toml is the truth about a board, and says so when it is not."""

from __future__ import annotations

import re
import tomllib

import pytest

from ganglion.firmware.board import BOARDS, BoardError, board_names, load_board, parse_board


def entries() -> dict:
    return tomllib.loads((BOARDS / "stm32f405/board.toml").read_text())


@pytest.mark.parametrize("name", board_names())
def test_every_board_loads_and_has_its_files(name: str) -> None:
    board = load_board(name)
    for source in board.sources:
        assert (board.folder / source).is_file()
    for driver in board.drivers:
        assert (BOARDS.parent / "drivers" / driver).is_file()


@pytest.mark.parametrize("name", board_names())
def test_the_linker_script_has_the_memory_of_board_toml(name: str) -> None:
    board = load_board(name)
    script = (board.folder / "memory.ld").read_text()
    for region, memory in (("FLASH", board.flash), ("RAM", board.ram)):
        origin, kilobytes = re.search(rf"{region} \(\w+\) *: ORIGIN = (\w+), LENGTH = (\d+)K", script).groups()
        assert (int(origin, 16), int(kilobytes) * 1024) == (memory.origin, memory.bytes)


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
        ({"name": "other"}, "name is 'other', the folder is 'stm32f405'"),
    ],
)
def test_a_wrong_entry_is_named(change: dict, message: str) -> None:
    with pytest.raises(BoardError, match=message):
        parse_board(entries() | change, "stm32f405")


@pytest.mark.parametrize("name", sorted(set(entries()) - {"qemu_machine", "run_current"}))
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
