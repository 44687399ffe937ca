"""A run outlives what a disk loses or refuses: it goes on, or the next start finishes it, as if nothing had been."""

import os
import shutil
from dataclasses import replace

import pytest

from ganglion.trainer.engines import TaskError
from ganglion.trainer.recipes import recipe_for
from ganglion.trainer.storage.checkpoint import list_checkpoints
from ganglion.trainer.storage.disk import DiskError
from ganglion.trainer.storage.folder import claim
from ganglion.trainer.storage.result import read_result
from ganglion.trainer.sweep import Axes, plan_runs
from ganglion.trainer.sweep.worker import LOG, work
from ganglion.trainer.train import train
from tests.trainer.beats import DQN, SAC, STROKES, TEACHER, killed_at
from tests.trainer.left import differences, left

pytestmark = pytest.mark.usefixtures("few_episodes")


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
def finished(tmp_path_factory, few_episodes):
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
