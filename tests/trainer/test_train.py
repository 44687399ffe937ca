"""Whole runs on small environments: files, resumption, refusals."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganglion.codegen.actor import read_actor
from ganglion.trainer import checkpoint
from ganglion.trainer.checkpoint import list_checkpoints
from ganglion.trainer.environments import make_env
from ganglion.trainer.recipes.sac import SacProtocol
from ganglion.trainer.result import read_result
from ganglion.trainer.run_folder import FolderError
from ganglion.trainer.sac import LeanSAC
from ganglion.trainer.teacher import TeacherError, read_teacher
from ganglion.trainer.train import train

SMALL = SacProtocol(
    "Pendulum-v1",
    steps=500,
    sparsity=0.9,
    prune_events=20,
    batch_size=16,
    widths=(32, 32),
    learning_starts=100,
    evaluate_every=100,
    evaluation_episodes=1,
    checkpoint_every=100,
)
WEIGHTS = 3 * 32 + 32 * 32 + 32


@pytest.fixture(autouse=True)
def few_episodes(monkeypatch):
    monkeypatch.setattr("ganglion.trainer.progress.FINAL_EPISODES", 2)


def test_a_run_ends_with_an_actor_of_the_asked_sparsity(tmp_path):
    """One action, too: the published formula would give its layer a negative share."""
    result = train(SMALL, tmp_path)
    actor = read_actor(tmp_path / result.file)
    assert actor.policy.env_id == "Pendulum-v1"
    assert actor.about["provenance"]["steps"] == result.steps == 600
    assert actor.about["returns"]["quantised"]["episodes"] == 2
    assert actor.about["returns"]["float"] == result.returns_before_integers
    assert actor.about["sparsity"]["nonzeros"] <= result.nonzeros <= round(0.1 * WEIGHTS) + 1
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [row["step"] for row in curve] == [100, 200, 300, 400, 500, 600]
    assert np.isfinite([row["returns"] for row in curve]).all()


def test_the_best_policy_is_chosen_among_final_forms_and_kept_beside_the_last(tmp_path):
    result = train(SMALL, tmp_path)
    assert result.best["step"] == 600
    assert len(result.best["returns"]) == len(result.returns) == 2
    best = read_actor(tmp_path / "best-actor.safetensors")
    assert best.about["returns"]["quantised"]["mean"] == pytest.approx(np.mean(result.best["returns"]), abs=1e-3)
    assert (tmp_path / "actor.safetensors").exists()
    assert read_result(tmp_path) == result


def test_a_float_run_is_as_long_and_ends_with_a_teacher(tmp_path):
    result = train(replace(SMALL, sparsity=0.0, quantised=False, steps=200), tmp_path)
    assert (result.steps, result.quantised, result.returns_before_integers) == (240, False, None)
    path = tmp_path / result.file
    teacher = read_teacher(path)
    assert len(teacher.critics) == 2
    assert teacher.actor[0].weight.shape == (32, 3)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(TeacherError, match="not a whole"):
        read_teacher(path)


def test_a_killed_run_goes_on_with_masks_and_schedule(tmp_path):
    """kill -9 after a checkpoint past the first prunings; the second start ends with the same sparsity and curve."""
    script = (
        "import sys; from pathlib import Path; from tests.trainer.test_train import SMALL; "
        "from ganglion.trainer.train import train; train(SMALL, Path(sys.argv[1]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if "step 300" in line:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait()
    assert list_checkpoints(tmp_path)
    assert read_result(tmp_path) is None
    result = train(SMALL, tmp_path)
    assert result.steps == 600
    assert result.nonzeros <= round(0.1 * WEIGHTS) + 1
    curve = [json.loads(line)["step"] for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert curve == [100, 200, 300, 400, 500, 600]


def test_a_corrupt_checkpoint_is_passed_over(tmp_path, capsys):
    protocol = replace(SMALL, steps=300)
    train(protocol, tmp_path)
    newest = list_checkpoints(tmp_path)[-1]
    (newest / "replay.pkl").write_bytes(b"\x80")
    (tmp_path / "result.json").unlink()
    train(protocol, tmp_path)
    assert "trying the one before" in capsys.readouterr().out


def test_a_full_disk_does_not_end_the_training(tmp_path, capsys, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "_flush", full)
    assert train(replace(SMALL, steps=200), tmp_path).steps == 240
    assert "No space left on device" in capsys.readouterr().out
    assert not list_checkpoints(tmp_path) and not list(tmp_path.glob(".partial*"))


def test_a_checkpoint_brings_back_the_replay_buffer(tmp_path):
    train(replace(SMALL, steps=200), tmp_path, stop_before=150)
    model, _ = checkpoint.load_checkpoint(tmp_path, LeanSAC, make_env("Pendulum-v1", 0))
    assert model.num_timesteps == 149
    assert model.replay_buffer.pos == 148 and not model.replay_buffer.full
    assert model.replay_buffer.observations[:148].any(axis=(1, 2)).all()
    assert not model.replay_buffer.observations[148:].any()


def test_a_folder_belongs_to_one_protocol(tmp_path):
    train(replace(SMALL, steps=200), tmp_path)
    with pytest.raises(FolderError, match=r"differs in: steps; choose another folder"):
        train(SMALL, tmp_path)


def test_shared_beginnings_give_the_same_weights(tmp_path):
    """Two runs that begin with one dense training are one until the first pruning."""
    protocol = replace(SMALL, checkpoint_every=1_000)
    beginning = replace(protocol, sparsity=0.0, quantised=False)
    assert train(beginning, tmp_path / "beginning", stop_before=100) is None
    train(protocol, tmp_path / "run", start_from=tmp_path / "beginning", stop_before=110)
    first = [list_checkpoints(tmp_path / name)[0] for name in ("beginning", "run")]
    assert [path.name for path in first] == ["step-000000099"] * 2
    states = [torch.load(path / "state.pt", weights_only=False) for path in first]
    assert torch.equal(*(state["random"]["torch"] for state in states))
    assert not Path(tmp_path / "run" / "result.json").exists()
