"""The flow around the tools: what their reports and logs become. The tools themselves are stood in for by scripts."""

import re
from contextlib import nullcontext
from pathlib import Path

import pytest

from ganglion.hls.board import BoardError, boards, read_board
from ganglion.hls.board_design import board_design
from ganglion.hls.core.sequential import sequential_design
from ganglion.hls.flow.fastest import at_fastest_clock
from ganglion.hls.flow.synth import SEEDS, PartTooSmall, TimingError, synthesise
from ganglion.hls.flow.tools import ToolError, find_tool, run_tool
from tests.support.fpga_tools import FULL, install_tools
from tests.support.policies import random_policy


def has_tool(name):
    try:
        return bool(find_tool(name))
    except ToolError:
        return False


@pytest.fixture
def design():
    board = read_board("icebreaker")
    return board_design(sequential_design(random_policy(shape=(3, 6, 2))), "test", board.name, board.clock_hz)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    return install_tools(tmp_path / "tools", monkeypatch)


def test_figures_come_from_the_reports(design, tools, tmp_path):
    tools(fmax_mhz=50.0)
    result = synthesise(design, read_board("icebreaker"), tmp_path / "build")
    assert (result.fmax_hz, result.utilisation) == (50e6, {"ICESTORM_LC": (1152, 5280)})
    assert result.core_latency_us == pytest.approx(design.cycles / 39)
    assert result.bitstream.exists()
    assert "-chparam DIVF 51 -chparam DIVQ 4 -chparam DIVISOR 42;" in (tmp_path / "build" / "yosys.log").read_text()


def test_a_design_that_is_too_slow_leaves_no_bitstream(design, tools, tmp_path):
    tools()
    folder = tmp_path / "build"
    bitstream = synthesise(design, read_board("icebreaker"), folder).bitstream
    tools(fmax_mhz=38.0)
    with pytest.raises(TimingError, match=r"reaches 38\.0 MHz of 39 MHz \(slack -0\.67 ns\); take --clock-mhz 36, or"):
        synthesise(design, read_board("icebreaker"), folder)
    assert not bitstream.exists()


@pytest.mark.parametrize(("fmax_mhz", "tries"), [(50.0, 1), (38.0, len(SEEDS)), (36.0, 1)])
def test_other_seeds_are_tried_where_the_clock_is_near(fmax_mhz, tries, design, tools, tmp_path):
    tools(fmax_mhz=fmax_mhz)
    with pytest.raises(TimingError) if fmax_mhz < 39 else nullcontext():
        synthesise(design, read_board("icebreaker"), tmp_path / "build")
    assert len((tmp_path / "tools" / "calls").read_text().splitlines()) == tries


def test_a_design_slower_than_every_clock_is_told_so(design, tools, tmp_path):
    tools(fmax_mhz=20.0)
    with pytest.raises(TimingError, match="the board has no clock below 30 MHz, or take fewer --lanes"):
        synthesise(design, read_board("icebreaker").at(30), tmp_path)


@pytest.mark.parametrize(
    ("reached", "tried"), [([50], [48]), ([44, 43, 43], [48, 45, 42]), ([40, 39.5, 39.5], [48, 42, 39])]
)
def test_the_fastest_clock_that_is_reached_is_taken(reached, tried):
    board, seen = read_board("icebreaker"), []

    def attempt(at):
        seen.append(at.clock_mhz)
        if reached[len(seen) - 1] < at.clock_mhz:
            raise TimingError("too slow", reached[len(seen) - 1] * 1e6)
        return at.clock_mhz

    assert (at_fastest_clock(board, attempt), seen) == (tried[-1], tried)


def test_where_no_clock_is_reached_the_last_try_is_told():
    def attempt(board):
        raise TimingError(f"{board.clock_mhz} MHz", 1e6 * (board.clock_mhz - 1))

    with pytest.raises(TimingError, match=r"^30 MHz"):
        at_fastest_clock(read_board("icebreaker"), attempt)


def test_a_part_that_is_too_small_names_what_is_missing_and_what_would_fit(design, tools, tmp_path):
    tools(log=FULL)
    with pytest.raises(
        PartTooSmall, match=r"6000 ICESTORM_LC of 5280; take .*ulx3s-25f.* at most 88 % of the nonzeros"
    ):
        synthesise(design, read_board("icebreaker"), tmp_path / "build")


def test_a_tool_that_fails_shows_the_end_of_its_log(design, tools, tmp_path):
    tools(log="ERROR: something else\n")
    with pytest.raises(ToolError, match=r"(?s)ended with status 1; last lines of .*nextpnr-ice40\.log.*something else"):
        synthesise(design, read_board("icebreaker"), tmp_path / "build")


def test_a_tool_that_the_system_kills_is_told_with_the_end_of_its_log(tmp_path):
    with pytest.raises(
        ToolError, match=r"(?s)sh was killed by signal 9, out of memory perhaps; .*sh\.log:\n2\n"
    ) as error:
        run_tool(["sh", "-c", "seq 13; kill -9 $$"], tmp_path, "sh.log")
    assert str(tmp_path / "sh.log") in str(error.value)


def test_packaged_tools_are_found_on_the_path_too(tmp_path, monkeypatch):
    script = tmp_path / "yowasp-some-tool"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_tool("some-tool") == ["yowasp-some-tool"]


def test_a_missing_tool_says_how_to_install_it():
    with pytest.raises(ToolError, match="pip install yowasp-no-such-tool"):
        find_tool("no-such-tool")


@pytest.mark.parametrize("name", boards())
def test_every_board_is_whole(name):
    board = read_board(name)
    assert board.name == name
    for parameter, value in board.parameters.items():
        assert re.search(rf"parameter +(\[\d:0\] )?{parameter} += {value}\b", board.wrapper)


@pytest.mark.parametrize(("name", "clock_mhz"), [(name, mhz) for name in boards() for mhz in read_board(name).clocks])
def test_every_clock_follows_from_its_crystal_and_suits_the_serial_port(name, clock_mhz):
    board = read_board(name).at(clock_mhz)
    settings = board.clocks[clock_mhz]
    if board.family == "ice40":
        oscillator_mhz = 12 * (settings["DIVF"] + 1)
        assert 533 <= oscillator_mhz <= 1066
        assert oscillator_mhz == clock_mhz << settings["DIVQ"]
    else:
        assert 25 * settings["CLKFB_DIV"] == clock_mhz * settings["CLKI_DIV"]
        assert 400 <= clock_mhz * settings["CLKOP_DIV"] <= 800
        assert settings["CLKOP_CPHASE"] == settings["CLKOP_DIV"] // 2 - (settings["CLKOP_DIV"] % 2 == 0)
    assert board.divisor >= 4
    assert abs(board.clock_hz / board.divisor / board.baud - 1) < 0.02


def test_an_unknown_clock_lists_the_known():
    with pytest.raises(BoardError, match="ulx3s-25f has no clock of 101 MHz; allowed: 60, 80, 90, 100, 110, 120"):
        read_board("ulx3s-25f").at(101)


def test_an_unknown_board_lists_the_known():
    with pytest.raises(BoardError, match="icebreaker, ulx3s-25f"):
        read_board("nexys")


@pytest.mark.long
@pytest.mark.skipif(not has_tool("nextpnr-ice40"), reason="nextpnr-ice40 is not installed (pip install -e '.[hls]')")
def test_a_real_bitstream_for_the_icebreaker(design, tmp_path):
    result = synthesise(design, read_board("icebreaker"), Path(tmp_path))
    assert result.bitstream.stat().st_size == 104_090
    assert result.fmax_hz >= result.clock_hz
    assert result.utilisation["ICESTORM_DSP"][0] == 1
