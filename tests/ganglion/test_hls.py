"""hls4ml projects from the command line; the oracle stands in for the compiled C++ (tests/hls/project compiles it)."""

import pytest

from ganglion.codegen import reference
from ganglion.hls.project import project
from ganglion.main import main
from tests.support.actors import hopper_actor

pytest.importorskip("hls4ml", reason="hls4ml is not installed (pip install hls4ml)")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run `ganglion hls` in an empty folder on a random Hopper actor."""
    hopper_actor(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(project, "simulate_project", lambda *arguments: reference.infer_codes(*arguments[-2:]))
    return lambda *arguments: main(["hls", "--actor", "actor.safetensors", "--observations", "50", *arguments])


def test_a_project_is_written_compared_and_says_how_to_go_on(call, tmp_path, capsys):
    assert call("--backend", "vitis", "--part", "xc7z010clg400-1", "--clock-ns", "8", "--reuse-factor", "2") == 0
    (folder,) = tmp_path.glob("build/Hopper-v4-*-vitis")
    text = (folder / "project.tcl").read_text()
    assert "xc7z010clg400-1" in text and "ganglion_hopper" in text
    output = capsys.readouterr().out
    assert "equal to the oracle on 50 observations" in output
    assert "vitis-run --mode hls --tcl build_prj.tcl" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--backend", "oneAPI"), "allowed: Vitis, Vivado, Quartus, Catapult"),
        (("--backend", "Quartus", "--strategy", "latency"), "Quartus has no strategy 'latency'; allowed: resource"),
        (("--reuse-factor", "0"), "all must be positive"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message, call, capsys, tmp_path):
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "build").exists()


def test_an_edited_project_needs_force(call, capsys, tmp_path):
    assert call() == 0
    (folder,) = tmp_path.glob("build/*-vitis")
    (folder / "build_prj.tcl").write_text("# mine\n")
    assert call() == 2
    assert "edited by hand (build_prj.tcl)" in capsys.readouterr().err
    assert call("--force") == 0
