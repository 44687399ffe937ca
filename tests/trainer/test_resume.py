"""A run that is killed and started again ends as one that never stopped: bit by bit where episodes allow it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from ganglion.trainer.storage.checkpoint import list_checkpoints
from ganglion.trainer.storage.curve import read_curve
from ganglion.trainer.storage.result import read_result
from ganglion.trainer.sweep import Axes, plan_runs, sweep
from ganglion.trainer.sweep.worker import work
from ganglion.trainer.train import train
from tests.trainer.beats import DQN, NOTES, SAC, STROKES, TEACHER, disturb, killed_at
from tests.trainer.left import differences, left
from tests.trainer.sweep.here import Here, Report

pytestmark = pytest.mark.usefixtures("few_episodes")

PHASES = {"random actions": 35, "dense": 58, "pruning": 117, "pruned": 238, "last float step": 251, "integers": 296}


@pytest.mark.parametrize("step", PHASES.values(), ids=PHASES.keys())
@pytest.mark.parametrize("protocol", [SAC, DQN], ids=["sac", "dqn"])
def test_a_killed_run_ends_as_one_that_never_stopped(tmp_path, whole, protocol, step):
    """Weights, moments, replay, masks, quantisers, generators, counters, curve, result and actors, in every phase."""
    with killed_at(step):
        train(protocol, tmp_path)
    disturb()
    train(protocol, tmp_path)
    assert not differences(whole(protocol), left(protocol, tmp_path))


def test_so_does_a_teacher_that_is_averaged_and_was_killed_twice(tmp_path, whole):
    for step in (117, 238):
        with killed_at(step):
            train(TEACHER, tmp_path)
        disturb()
    train(TEACHER, tmp_path)
    assert not differences(whole(TEACHER), left(TEACHER, tmp_path))


@pytest.mark.parametrize(("protocol", "stop_before"), [(SAC, 41), (DQN, 44)], ids=["sac", "dqn"])
def test_a_run_with_a_shared_beginning_ends_as_one_without(tmp_path, whole, protocol, stop_before):
    """The beginning lacks none of its steps; its best policy, dense, is not taken for one of the final form."""
    dense = replace(protocol, sparsity=0.0, quantised=False)
    assert train(dense, tmp_path / "beginning", stop_before=stop_before) is None
    assert list_checkpoints(tmp_path / "beginning")[-1].name == "step-000000040"
    disturb()
    result = train(protocol, tmp_path / "run", start_from=tmp_path / "beginning")
    assert result.shared_dense
    ours, theirs = left(protocol, tmp_path / "run"), whole(protocol)
    assert not differences(theirs | {"files": None}, ours | {"files": None})


def test_the_same_differences_would_be_seen(whole):
    """Another seed changes all that is compared."""
    found = differences(whole(SAC), whole(replace(SAC, seed=1)))
    for place in ("/networks and optimisers/policy/", "/networks and optimisers/actor.optimizer/", "/entropy",
                  "/replay/arrays/observations", "/state/random/torch", "/state/random/numpy", "/state/random/actions",
                  "/state/random/environment", "/state/extra/masks", "/files/curve.jsonl"):  # fmt: skip
        assert any(name.startswith(place) for name in found), place


def test_the_best_policy_s_file_is_the_checkpoint_s(tmp_path, whole):
    """What steps left that are run again does not stay, whether the checkpoint has a best policy or not."""
    best = tmp_path / "best-actor.safetensors"
    for step, there in ((56, False), (296, True)):
        with killed_at(step + 1):
            train(SAC, tmp_path)
        kept = best.read_bytes() if there else None
        best.write_bytes(b"another")
        (tmp_path / "best-teacher.safetensors").write_bytes(b"another")
        train(SAC, tmp_path, stop_before=step)
        assert {path.name: path.read_bytes() for path in tmp_path.glob("best-*")} == (
            {best.name: kept} if there else {}
        )
    disturb()
    train(SAC, tmp_path)
    assert not differences(whole(SAC)["files"], left(SAC, tmp_path)["files"])


def test_a_start_tells_from_where(tmp_path, capsys):
    train(replace(SAC, steps=1_200_000), tmp_path, stop_before=31)
    assert capsys.readouterr().out.splitlines()[0] == f"{STROKES}: begins, 30 steps"
    with killed_at(45):
        train(replace(SAC, steps=1_200_000), tmp_path)
    assert capsys.readouterr().out.splitlines()[0] == f"{STROKES}: goes on at step 30 of 1,440,000 (step-000000030)"
    with killed_at(1):
        train(replace(DQN, steps=1_000_000), tmp_path / "new")
    assert capsys.readouterr().out == f"{NOTES}: begins, 1,200,000 steps\n"


def test_a_sweep_trains_a_damaged_beginning_again(tmp_path, capsys):
    """Found damaged at the start, or by a run that was to begin with it."""
    axes = Axes((STROKES,), (), (True,), (0,), share_dense=True)
    protocol = replace(SAC, steps=125, learning_starts=5, prune_start=0.4, quantise_end=1.1)
    runs = plan_runs(axes, lambda _: protocol, tmp_path)
    beginning, *followers = runs
    assert not sweep(runs[:1], Here(work)).failed
    for place in list_checkpoints(beginning.folder):
        (place / "replay.pkl").write_bytes(b"\x80")
    engine = Here(work)
    outcome = sweep(runs, engine)
    assert not outcome.failed and len(outcome.results) == len(followers) == 2
    assert engine.started[0] == beginning.name
    first = left(protocol, followers[0].folder)["files"]["result.json"]
    for path in (followers[0].folder / "result.json", *list_checkpoints(followers[0].folder)):
        os.remove(path) if path.is_file() else os.rename(path, path.with_name(f"gone-{path.name}"))

    def damage(run):
        if run == followers[0]:
            for place in list_checkpoints(beginning.folder):
                os.truncate(place / "model.zip", 9)

    os.remove(followers[1].folder / "result.json")
    engine, told = Here(work, damage), Report()
    outcome = sweep(runs, engine, told)
    assert list(outcome.failed) == [followers[0].name]
    assert "holds no whole checkpoint" in outcome.failed[followers[0].name]
    assert engine.started == [followers[0].name, beginning.name, followers[1].name]
    outcome = sweep(runs, Here(work))
    assert not outcome.failed
    assert json.loads(left(protocol, followers[0].folder)["files"]["result.json"]) == json.loads(first)


@pytest.mark.long
def test_kill_9_and_the_same_command(tmp_path, whole):
    """Real signals at moments that nobody chose, until the run is through."""
    script = (
        "import sys; from pathlib import Path; from tests.trainer.beats import SAC\n"
        "import ganglion.trainer.progress as progress; progress.FINAL_EPISODES = 2\n"
        "from ganglion.trainer.train import train; train(SAC, Path(sys.argv[1]))"
    )
    kills = 0
    while read_result(tmp_path) is None:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        try:
            process.wait(timeout=0.15 + 0.02 * kills)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills > 2
    assert [row["step"] for row in read_curve(tmp_path)[0]] == list(range(25, 301, 25))
    assert not differences(whole(SAC), left(SAC, tmp_path))
