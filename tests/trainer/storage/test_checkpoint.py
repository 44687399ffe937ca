"""Checkpoints: whole or absent, and what is damaged is told, named and passed over before anything of it is read."""

import os
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganglion.trainer.environments import make_env
from ganglion.trainer.lean.sac import LeanSAC
from ganglion.trainer.recipes.dqn import DqnRecipe
from ganglion.trainer.storage import checkpoint
from ganglion.trainer.storage.checkpoint import (
    CheckpointError,
    copy_checkpoint,
    list_checkpoints,
    load_checkpoint,
    newest_whole,
    save_checkpoint,
)
from ganglion.trainer.storage.folder import claim
from ganglion.trainer.storage.manifest import write_manifest
from ganglion.trainer.storage.names import LOCK
from ganglion.trainer.train import train
from tests.trainer.beats import DQN, SAC, STROKES, killed_at

OLDER, NEWEST = "step-000000040", "step-000000060"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that stopped with two checkpoints."""
    folder = tmp_path_factory.mktemp("stopped")
    train(SAC, folder, stop_before=61)
    assert [path.name for path in list_checkpoints(folder)] == [OLDER, NEWEST]
    return folder


@pytest.fixture
def run(stopped, tmp_path):
    """A copy of it."""
    return shutil.copytree(stopped, tmp_path / "run")


def _load(folder):
    return load_checkpoint(folder, LeanSAC, make_env(STROKES, 0))


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path):
    os.truncate(path, path.stat().st_size // 2)


def _nothing_may_be_read(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a damaged file is read")

    for module, name in ((pickle, "load"), (torch, "load"), (LeanSAC, "load")):
        monkeypatch.setattr(module, name, refuse)


@pytest.mark.parametrize("damage", [_flip, _cut, os.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("file", ["model.zip", "replay.pkl", "state.pt", "manifest.json"])
def test_a_damaged_checkpoint_is_told_named_and_passed_over(run, capsys, file, damage):
    damage(run / NEWEST / file)
    assert newest_whole(run) == run / OLDER
    told = capsys.readouterr().out
    assert f"checkpoint {run / NEWEST} is damaged ({file}" in told
    assert f"kept as damaged-{NEWEST}, the one before counts" in told
    assert list_checkpoints(run) == [run / OLDER]
    assert (run / f"damaged-{NEWEST}").is_dir()


def test_what_only_has_a_similar_name_is_no_checkpoint(run, tmp_path):
    """Nothing of it is touched, and a step of ten digits is later than one of nine."""
    others = ("step-by-step", "step-xxx", "step-000000099x", "step-99", "steps")
    for name in others:
        (run / name).mkdir()
        (run / name / "mine").write_text("mine")
    (run / "step-000000077").write_text("mine")
    assert [path.name for path in list_checkpoints(run)] == [OLDER, NEWEST]
    train(SAC, run, stop_before=81)
    assert [path.name for path in list_checkpoints(run)] == [NEWEST, "step-000000080"]
    assert all((run / name / "mine").exists() for name in others) and (run / "step-000000077").exists()
    for name in ("step-1000000000", "step-999999999"):
        (tmp_path / "long" / name).mkdir(parents=True)
    assert [path.name for path in list_checkpoints(tmp_path / "long")] == ["step-999999999", "step-1000000000"]


@pytest.mark.parametrize(
    ("name", "changes", "named"),
    [
        (OLDER, {"seed": 1, "sparsity": 0.9}, "seed"),
        (NEWEST, {"sparsity": 0.9, "quantised": False}, "sparsity, quantised"),
        (NEWEST, {"widths": (16, 8)}, "widths"),
    ],
)
def test_a_checkpoint_of_another_protocol_is_refused_with_what_differs(run, tmp_path, name, changes, named):
    other = tmp_path / "other"
    claim(other, replace(SAC, **changes).described)
    shutil.copytree(run / name, other / name)
    message = rf"{name} is of another run, it differs in: {named}; move it away to do without it"
    with pytest.raises(CheckpointError, match=message):
        train(replace(SAC, **changes), other, stop_before=61)
    shutil.rmtree(other / name)
    shutil.rmtree(run / {OLDER: NEWEST, NEWEST: OLDER}[name])
    with pytest.raises(CheckpointError, match=message):
        train(replace(SAC, **changes), other, start_from=run, stop_before=61)
    assert not list_checkpoints(other)


def test_before_pruning_starts_other_sparsities_are_one_run(run, tmp_path, capsys):
    """Killed before it wrote a checkpoint of its own, it goes on from the copied one."""
    shutil.rmtree(run / NEWEST)
    other = replace(SAC, sparsity=0.9, quantised=False)
    for _ in range(2):
        with killed_at(45):
            train(other, tmp_path / "other", start_from=run)
        assert "goes on at step 40 of" in capsys.readouterr().out
    train(other, tmp_path / "other", start_from=run, stop_before=61)
    train(other, tmp_path / "other", start_from=run, stop_before=81)
    assert "goes on at step 60 of" in capsys.readouterr().out


def test_the_one_before_is_loaded_and_one_of_that_step_written_again(run):
    """Twice: an older damaged one of the same name gives way."""
    for _ in range(2):
        _flip(run / NEWEST / "replay.pkl")
        model, _ = _load(run)
        assert model.num_timesteps == 40
        train(SAC, run, stop_before=61)
        assert [path.name for path in list_checkpoints(run)] == [OLDER, NEWEST]
        assert newest_whole(run).name == NEWEST


def test_where_all_are_damaged_nothing_is_read_and_the_run_begins_anew(run, capsys, monkeypatch):
    for name in (OLDER, NEWEST):
        _flip(run / name / "state.pt")
    with monkeypatch.context() as patch:
        _nothing_may_be_read(patch)
        assert _load(shutil.copytree(run, run.with_name("copy"))) is None
    capsys.readouterr()
    train(SAC, run, stop_before=61)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        f"checkpoint {run / NEWEST} is damaged (state.pt has not the bytes that were written (its SHA-256 differs)); "
        f"it is kept as damaged-{NEWEST}, the one before counts",
        f"checkpoint {run / OLDER} is damaged (state.pt has not the bytes that were written (its SHA-256 differs)); "
        f"it is kept as damaged-{OLDER}, the one before counts",
        f"{run}: none of its checkpoints is whole; the run begins anew",
        "Strokes-v0: begins, 60 steps",
    ]
    assert _load(run)[0].num_timesteps == 60


def test_what_is_whole_but_cannot_be_read_here_is_an_error_and_stays(run):
    """Of other versions, say: starting anew would throw a good run away."""
    (run / NEWEST / "replay.pkl").write_bytes(b"\x80\x05cno.such\nthing\n.")
    write_manifest(run / NEWEST)
    with pytest.raises(CheckpointError, match=rf"{NEWEST} is as it was written, but cannot be read here \(Module"):
        _load(run)
    assert (run / NEWEST).is_dir()


@pytest.mark.parametrize(("largest", "ballast"), [(0, 0), (3_000, 0), (100_000, 50_000)])
def test_a_full_disk_does_not_end_the_training(run, capsys, full_disk, largest, ballast):
    """Whichever of its files does not fit, the last one too, the one before stays, and nothing of the new one."""
    model, extra = _load(run)
    model.num_timesteps, extra["ballast"] = 80, torch.zeros(ballast)
    with full_disk(largest):
        assert save_checkpoint(model, run, extra) is None
    told = capsys.readouterr().out
    assert "step-000000080 could not be written ([Errno 27] File too large" in told and "training goes on" in told
    assert [path.name for path in list_checkpoints(run)] == [OLDER, NEWEST] and not list(run.glob(".*partial*"))
    assert save_checkpoint(model, run, extra) == run / "step-000000080"
    assert [path.name for path in list_checkpoints(run)] == [NEWEST, "step-000000080"]


def test_everything_is_on_disk_before_the_checkpoint_has_its_name(run, monkeypatch):
    """Files first, then their folder; after the renaming the run's folder."""
    model, extra = _load(run)
    done, flush, move = [], checkpoint.flush, os.replace
    monkeypatch.setattr(checkpoint, "flush", lambda path: (done.append(path.name), flush(path)))
    monkeypatch.setattr(os, "replace", lambda old, new: (done.append("moved"), move(old, new)))
    save_checkpoint(model, run, extra, lambda partial: (partial / "more").write_text("more"))
    assert sorted(done[:-3]) == ["manifest.json", "model.zip", "more", "replay.pkl", "state.pt"]
    assert done[-3:] == [f".partial-{NEWEST}", "moved", run.name]


@pytest.mark.parametrize("place", range(5))
def test_killed_while_a_checkpoint_is_written_the_one_before_counts(run, monkeypatch, place):
    """And the next start removes what was begun."""
    model, extra = _load(run)
    model.num_timesteps = 80
    calls = iter(range(5))

    def flush(path):
        if next(calls) == place:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "flush", flush)
        save_checkpoint(model, run, extra)
    assert (run / ".partial-step-000000080").is_dir()
    assert newest_whole(run).name == NEWEST
    (run / ".actor.safetensors.partial").write_bytes(b"half")
    train(SAC, run, stop_before=61)
    assert {path.name for path in run.glob(".*")} == {LOCK} and newest_whole(run).name == NEWEST


def test_a_copy_is_of_the_newest_whole_one(run, tmp_path, capsys):
    _cut(run / NEWEST / "model.zip")
    (tmp_path / "other").mkdir()
    copy_checkpoint(run, tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == [OLDER]
    assert newest_whole(tmp_path / "other").name == OLDER
    assert "is damaged (model.zip has" in capsys.readouterr().out
    _flip(run / OLDER / "manifest.json")
    with pytest.raises(CheckpointError, match="holds no whole checkpoint to begin with; start the same command again"):
        copy_checkpoint(run, tmp_path / "other")


def test_a_copy_that_does_not_fit_leaves_nothing(run, tmp_path, full_disk):
    (tmp_path / "other").mkdir()
    with full_disk(5_000), pytest.raises(OSError, match=rf"{NEWEST} could not be written .*; free space"):
        copy_checkpoint(run, tmp_path / "other")
    assert not list((tmp_path / "other").iterdir())


def test_a_checkpoint_brings_back_the_replay_buffer(run):
    """Every step's transition is in it, the last one's too."""
    model, _ = _load(run)
    assert model.num_timesteps == model.replay_buffer.pos == 60 and not model.replay_buffer.full
    assert np.array_equal(model.replay_buffer.dones[:60, 0], np.tile([0, 0, 0, 0, 1], 12))
    assert not model.replay_buffer.next_observations[60:].any()


def test_checkpoints_lie_where_rollouts_begin(tmp_path, monkeypatch):
    """The first such step at or after each of those asked for: here every fourth step is one."""
    monkeypatch.setattr(checkpoint, "_KEEP", 100)
    monkeypatch.setattr("ganglion.trainer.progress.FINAL_EPISODES", 1)
    protocol = replace(DQN, checkpoint_every=30, steps=125, quantised=False, sparsity=0.0)
    assert train(protocol, tmp_path).steps == 152
    steps = [int(path.name[5:]) for path in list_checkpoints(tmp_path)]
    assert steps == [32, 60, 92, 120, 152]
    model = DqnRecipe.model.load(tmp_path / "step-000000092" / "model.zip")
    assert model._n_calls == 92 and model._n_updates == (92 - 32) // 4 + 1
