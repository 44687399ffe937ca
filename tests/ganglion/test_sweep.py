"""The sweep command: what it refuses, and what it tells while it runs."""

import re
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from ganglion.commands.engine_options import EngineOptions
from ganglion.commands.sweep_progress import Lines, picture
from ganglion.errors import UsageError
from ganglion.main import main
from ganglion.trainer.sweep import State
from tests.trainer.sweep.instant import Instant

SMALL_SWEEP = ["sweep", "--env", "Pendulum", "--sparsities", "0.5", "--seeds", "0", "--no-float"]


@pytest.fixture
def engine(monkeypatch):
    """The engine that the command's runs are started by."""
    engine = Instant(slots=1)
    monkeypatch.setattr(EngineOptions, "engine", lambda self, work, isolated: engine)
    return engine


def test_a_sweep_of_nothing_says_so(tmp_path, capsys):
    assert main(["sweep", "--env", "Pendulum", "--draw", "--out", str(tmp_path)]) == 2
    assert "holds no finished run" in capsys.readouterr().err
    assert main(["sweep", "--env", "Pendulum", "--no-quantised", "--no-float", "--out", str(tmp_path)]) == 2
    assert "one of --quantised and --float" in capsys.readouterr().err
    assert main(["sweep", "--env", "Pendulum", "--preset", "teacher", "--out", str(tmp_path)]) == 2
    assert "a sweep varies sparsity" in capsys.readouterr().err
    assert main(["sweep", "--env", "Pendulum", "--sparsities", "2", "--out", str(tmp_path)]) == 2
    assert "sparsity is 2.0" in capsys.readouterr().err


def test_what_another_sweep_left_is_refused_and_not_drawn(tmp_path, engine, capsys):
    command = [*SMALL_SWEEP, "--out", str(tmp_path)]
    assert main(command) == 0
    assert main([*command, "--draw"]) == 0
    capsys.readouterr()
    for changes in (["--gamma", "0.5"], ["--pattern", "pairs", "--draw"], ["--steps", "5000", "--share-dense"]):
        engine.started.clear()
        assert main([*command, *changes]) == 2
        error = capsys.readouterr().err
        assert f"holds a run that differs in: {changes[0].removeprefix('--')};" in error and error.count("\n") == 1
        assert not engine.started
    for path in tmp_path.rglob("protocol.json"):
        path.unlink()
    assert main([*command, "--draw"]) == 2
    assert "is no run's" in capsys.readouterr().err


def test_what_is_damaged_is_not_drawn_and_told(tmp_path, engine, capsys):
    command = [*SMALL_SWEEP, "--out", str(tmp_path)]
    assert main(command) == 0
    first, *others = sorted(tmp_path.rglob("result.json"))
    first.write_text("{")
    capsys.readouterr()
    assert main([*command, "--draw"]) == 0
    told = capsys.readouterr().out
    assert f"is not drawn: {first} is damaged (" in told and told.count("is not drawn") == 1
    for path in others:
        path.write_text("[]")
    assert main([*command, "--draw"]) == 2
    assert "holds no finished run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--env", "Pendulum", "--algo", "dqn"], "use --algo sac"),
        (["--env", "Hopper", "--sparsities", "0.9", "0.999"], r"sparsity 0\.999 leaves"),
        (
            ["--env", "Pendulum", "--share-dense", "--set", "prune_start=0", "learning_starts=0"],
            "no dense beginning to share",
        ),
    ],
)
def test_what_no_run_could_do_is_told_before_any_starts(tmp_path, engine, capsys, arguments, message):
    assert main(["sweep", *arguments, "--out", str(tmp_path)]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not engine.started and not list(tmp_path.iterdir())


def test_a_redirected_sweep_tells_what_starts_ends_and_fails(tmp_path, engine, capsys):
    engine.fails = ("Pendulum-v1 dense-int-seed0",)
    assert main([*SMALL_SWEEP, "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().out.splitlines()
    folder = tmp_path / "Pendulum-v1" / "dense-float-seed0"
    first = f"Pendulum-v1 dense-float-seed0 started at step 0 of 12,000, in {folder}"
    assert told[:3] == [
        first, "0 finished, 1 running, 2 waiting, 0 failed; 0% of all steps", "Pendulum-v1 dense-float-seed0 finished"
    ]  # fmt: skip
    assert "Pendulum-v1 dense-int-seed0 failed: it broke" in told
    assert "2 finished, 0 running, 0 waiting, 1 failed; 67% of all steps" in told


def _state(name, status, step=0, **more):
    run = SimpleNamespace(name=name, steps=1_000, folder=Path("runs", name))
    return State(run, status, step, more.pop("last_return", None), **more)


def test_lines_are_told_once_and_a_summary_once_a_minute():
    now_s, told = [0.0], []
    lines = Lines(told.append, lambda: now_s[0])
    states = [_state("old", "finished", 1_000), _state("a", "running", 200), _state("b", "waiting")]
    lines(states)
    summary = "1 finished, 1 running, 1 waiting, 0 failed; 40% of all steps"
    assert told == ["a started at step 200 of 1,000, in runs/a", summary]
    for now_s[0] in (1.0, 59.0):
        lines(states)
    assert len(told) == 2
    now_s[0] = 60.0
    lines(states)
    assert told[2:] == [summary]
    now_s[0] = 61.0
    ended = [
        states[0],
        _state("a", "finished", 1_000, last_return=1234.56),
        _state("b", "failed", error="[bold] it broke"),
    ]
    lines(ended)
    lines(ended)
    assert told[3:] == [
        "a finished, last evaluation 1,234.6",
        "b failed: [bold] it broke",
        "2 finished, 0 running, 0 waiting, 1 failed; 67% of all steps",
    ]


def test_a_sweep_that_is_finished_already_tells_only_that():
    told = []
    Lines(told.append, lambda: 0.0)([_state("old", "finished", 1_000)])
    assert told == ["1 finished, 0 running, 0 waiting, 0 failed; 100% of all steps"]


def test_a_terminal_shows_what_runs_and_what_failed():
    file = StringIO()
    states = [_state("a", "running", 500, last_return=2.0), _state("b", "failed", error="it broke")]
    Console(file=file, width=100).print(picture(states))
    text = file.getvalue()
    assert "500 of 1,000" in text and "2.0" in text and "b failed: it broke" in text
    assert "0 finished, 1 running, 0 waiting, 1 failed; 25% of all steps" in text


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://no-such-host.invalid:10001", "127.0.0.1:70000", "nonsense"])
def test_a_cluster_that_does_not_answer_is_told_at_once(address):
    with pytest.raises(UsageError, match=rf"--ray-address {address}: no Ray cluster answers there; give auto"):
        EngineOptions(ray_address=address).check()
