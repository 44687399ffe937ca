"""The flow around the tools: what their reports and logs become. The tools themselves are stood in for by scripts."""

from pathlib import Path

import pytest

from ganglion.hls.board import BoardError, boards, read_board
from ganglion.hls.board_design import board_design
from ganglion.hls.core.sequential import sequential_design
from ganglion.hls.flow.synth import PartTooSmall, TimingError, synthesise
from ganglion.hls.flow.tools import ToolError, find_tool
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
    assert "-chparam DIVISOR 42" in (tmp_path / "build" / "yosys.log").read_text()


def test_a_design_that_is_too_slow_leaves_no_bitstream(design, tools, tmp_path):
    tools()
    folder = tmp_path / "build"
    bitstream = synthesise(design, read_board("icebreaker"), folder).bitstream
    tools(fmax_mhz=38.0)
    with pytest.raises(TimingError, match=r"reaches 38\.0 MHz.*39\.0 MHz \(slack -0\.67 ns, the last of 4 seeds\)"):
        synthesise(design, read_board("icebreaker"), folder)
    assert not bitstream.exists()


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


def test_a_missing_tool_says_how_to_install_it():
    with pytest.raises(ToolError, match="pip install yowasp-no-such-tool"):
        find_tool("no-such-tool")


@pytest.mark.parametrize("name", boards())
def test_every_board_is_whole(name):
    board = read_board(name)
    assert board.name == name
    assert board.divisor >= 4
    assert abs(board.clock_hz / board.divisor / board.baud - 1) < 0.02
    assert f"parameter DIVISOR = {board.divisor}" in board.wrapper


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
