"""A run that is killed and started again ends as one that never stopped: bit by bit where episodes allow it."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from dataclasses import is_dataclass, replace

import numpy as np
import pytest
import torch

from ganglion.trainer.engines import TaskError
from ganglion.trainer.recipes import recipe_for
from ganglion.trainer.storage.checkpoint import list_checkpoints
from ganglion.trainer.storage.curve import read_curve
from ganglion.trainer.storage.disk import DiskError
from ganglion.trainer.storage.folder import claim
from ganglion.trainer.storage.result import read_result
from ganglion.trainer.sweep import Axes, plan_runs, sweep
from ganglion.trainer.sweep.worker import LOG, work
from ganglion.trainer.train import train
from tests.trainer.beats import DQN, NOTES, SAC, STROKES, disturb, killed_at
from tests.trainer.sweep.here import Here, Report

PHASES = {"random actions": 35, "dense": 58, "pruning": 117, "pruned": 238, "last float step": 251, "integers": 296}
TEACHER = replace(SAC, sparsity=0.0, quantised=False, averaging_steps=50)
COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "_episode_num", "exploration_rate", "_total_timesteps")


@pytest.fixture(autouse=True, scope="module")
def few_episodes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganglion.trainer.progress.FINAL_EPISODES", 2)
        yield


def left(protocol, folder):
    """All that a run leaves, as plain values, tensors and arrays: its last checkpoint and its files."""
    newest = list_checkpoints(folder)[-1]
    model = recipe_for(protocol).model.load(newest / "model.zip")
    files = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}
    files |= {name: (folder / name).read_text() for name in ("curve.jsonl", "result.json")}
    if (told := json.loads(files["result.json"]))["file"] == "model.zip":  # the library writes the time into it
        files["result.json"] = json.dumps(told | {"sha256": None})
    return {
        "name": newest.name,
        "networks and optimisers": model.get_parameters(),
        "entropy": getattr(model, "log_ent_coef", None),
        "counters": [getattr(model, name, None) for name in COUNTERS],
        "replay": pickle.loads((newest / "replay.pkl").read_bytes()),
        "state": torch.load(newest / "state.pt", weights_only=False),
        "files": files,
    }


def differences(one, other, place=""):
    """Where the two are not the same, bit by bit."""
    if isinstance(one, torch.Tensor):
        return [] if torch.equal(one, other) else [place]
    if isinstance(one, np.ndarray):
        return [] if np.array_equal(one, other) else [place]
    if is_dataclass(one):
        return differences(vars(one), vars(other), place)
    if isinstance(one, dict) and one.keys() == other.keys():
        return [found for key in one for found in differences(one[key], other[key], f"{place}/{key}")]
    if isinstance(one, list | tuple) and len(one) == len(other):
        return [
            found for k, pair in enumerate(zip(one, other, strict=True)) for found in differences(*pair, f"{place}/{k}")
        ]
    return [] if one == other else [place]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the protocols' runs leave that are never stopped."""
    known = {}

    def leave(protocol):
        if protocol not in known:
            folder = tmp_path_factory.mktemp("whole")
            train(protocol, folder)
            known[protocol] = left(protocol, folder)
        return known[protocol]

    return leave


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


def test_a_curve_with_half_a_line_does_not_stop_a_start(tmp_path, whole, capsys):
    with killed_at(117):
        train(SAC, tmp_path)
    curve = tmp_path / "curve.jsonl"
    curve.write_text(curve.read_text() + '{"step": 150, "ret')
    train(SAC, tmp_path)
    assert f"{curve}: 1 of its lines cannot be read and are left out" in capsys.readouterr().out
    assert not differences(whole(SAC), left(SAC, tmp_path))


@pytest.mark.parametrize("protocol", [SAC, TEACHER, replace(DQN, quantised=False)], ids=["actor", "teacher", "model"])
def test_a_disk_that_is_full_throughout_ends_with_one_error_and_the_next_start_finishes(
    tmp_path, whole, capsys, full_disk, protocol
):
    with killed_at(117):
        train(protocol, tmp_path)
    capsys.readouterr()
    with full_disk(), pytest.raises(DiskError, match=r"could not be written \(File too large\); free space, then"):
        train(protocol, tmp_path)
    told = capsys.readouterr().out
    assert told.count("checkpoint ") == 10 and told.count("curve.jsonl could not be written") == 1
    assert {path.name for path in tmp_path.iterdir()} - {"best-teacher.safetensors", "best-model.zip"} == {
        ".lock", "protocol.json", "curve.jsonl", "step", "step-000000080", "step-000000100"
    }  # fmt: skip
    train(protocol, tmp_path)
    assert not differences(whole(protocol), left(protocol, tmp_path))


def test_a_disk_that_is_full_at_the_end_only(tmp_path, whole, monkeypatch):
    """The last checkpoint holds all: the next start measures and writes, and does not train."""

    def full(*_):
        raise OSError(28, "No space left on device")

    for function in ("write_actor", "write_result"):
        with monkeypatch.context() as patch:
            patch.setattr(f"ganglion.trainer.progress.{function}", full)
            with pytest.raises(OSError, match="No space left"):
                train(SAC, tmp_path)
        assert read_result(tmp_path) is None
    with monkeypatch.context() as patch:
        patch.setattr(recipe_for(SAC).model, "learn", full)
        train(SAC, tmp_path)
    assert read_result(tmp_path).steps == 300


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    train(SAC, folder)
    return folder


def _cut(path):
    os.truncate(path, path.stat().st_size // 2)


def _garbage(path):
    path.write_bytes(b'{"returns": [1')


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("actor.safetensors", os.unlink, "actor.safetensors is missing"),
        ("actor.safetensors", _cut, "actor.safetensors has not the bytes that were written"),
        ("result.json", _garbage, "result.json is damaged"),
        ("result.json", _cut, "result.json is damaged"),
    ],
)
def test_what_a_finished_run_lost_is_written_again_from_its_last_checkpoint(
    tmp_path, finished, whole, capsys, name, damage, told
):
    """And the curve, too, loses what is none of it, though no step is left."""
    folder = shutil.copytree(finished, tmp_path / "run")
    damage(folder / name)
    with (folder / "curve.jsonl").open("a") as curve:
        curve.write("garbage\n")
    train(SAC, folder)
    lines = capsys.readouterr().out.splitlines()
    assert told in lines[0] and lines[0].endswith("; the run is finished again from its last checkpoint")
    assert lines[1:] == [
        f"{STROKES}: goes on at step 300 of 300 (step-000000300)",
        f"{folder / 'curve.jsonl'}: 1 of its lines cannot be read and are left out",
    ]
    assert not differences(whole(SAC), left(SAC, folder))


def test_without_a_checkpoint_a_finished_run_without_its_policy_begins_anew(tmp_path, finished, whole, capsys):
    folder = shutil.copytree(finished, tmp_path / "run")
    (folder / "actor.safetensors").unlink()
    for path in list_checkpoints(folder):
        shutil.rmtree(path)
    train(SAC, folder)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("actor.safetensors is missing, of which result.json tells; the run has no checkpoint and "
                             "begins anew")  # fmt: skip
    assert lines[1] == f"{STROKES}: begins, 300 steps"
    assert not differences(whole(SAC), left(SAC, folder))


def test_files_of_others_in_a_run_s_folder_stay(tmp_path, whole):
    """They came while it trained."""
    with killed_at(117):
        train(SAC, tmp_path)
    for name in ("step-xxx", ".partial-thesis"):
        (tmp_path / name).mkdir()
    for name in ("best-cv.pdf", ".notes.partial"):
        (tmp_path / name).write_text("mine")
    train(SAC, tmp_path)
    assert {"step-xxx", ".partial-thesis", "best-cv.pdf", ".notes.partial"} <= {p.name for p in tmp_path.iterdir()}
    assert not differences(whole(SAC), left(SAC, tmp_path))


def test_output_that_finds_the_disk_full_is_lost_and_the_run_ends_well(tmp_path, whole):
    """The log of a sweep's run lies on the same disk."""
    (run,) = (
        run
        for run in plan_runs(Axes((STROKES,), (0.7,), (True,), (0,)), lambda _: SAC, tmp_path)
        if "s0.7-int" in run.name
    )
    run.folder.mkdir(parents=True)
    (run.folder / LOG).symlink_to("/dev/full")
    work(run)
    assert not differences(whole(SAC), left(SAC, run.folder))


def test_what_ends_a_run_is_told_though_the_log_finds_the_disk_full(tmp_path):
    run = plan_runs(Axes((STROKES,), (), (True,), (0,)), lambda _: SAC, tmp_path)[0]
    claim(run.folder, DQN.described)
    (run.folder / LOG).symlink_to("/dev/full")
    with pytest.raises(TaskError, match=r"^FolderError: .* holds a run that differs in: algorithm"):
        work(run)


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
