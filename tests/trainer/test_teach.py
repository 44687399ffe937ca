"""Dense teachers by proximal policy optimisation: files, resumption, refusals."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from ganglion.main import main
from ganglion.trainer.critics import CriticSettings
from ganglion.trainer.environments import UnsuitableEnvironmentError
from ganglion.trainer.evaluation import evaluate_together
from ganglion.trainer.protocol import ProtocolError
from ganglion.trainer.storage.checkpoint import list_checkpoints
from ganglion.trainer.storage.folder import FolderError
from ganglion.trainer.teach import TeachingProtocol
from ganglion.trainer.teach import teach as train_and_fit
from ganglion.trainer.teacher import read_teacher

SMALL = TeachingProtocol(
    "Pendulum-v1",
    steps=1_000,
    widths=(16, 16),
    copies=4,
    rollout_steps=32,
    batch_size=32,
    epochs=2,
    evaluate_every=200,
    evaluation_episodes=2,
)
QUICK = CriticSettings(steps=300, updates=5)


def teach(protocol, folder):
    """With critics that cost nothing."""
    return train_and_fit(protocol, folder, QUICK)


@pytest.fixture(autouse=True)
def few_episodes(monkeypatch):
    monkeypatch.setattr("ganglion.trainer.teach.FINAL_EPISODES", 3)


def _rows(folder):
    return [json.loads(row) for row in (folder / "curve.jsonl").read_text().splitlines()]


def test_the_teacher_is_the_best_of_the_evaluations_measured_on_other_seeds(tmp_path):
    """The last policy that is evaluated is the one at the end, and the file tells how the teacher was chosen."""
    teacher = teach(SMALL, tmp_path)
    rows = _rows(tmp_path)
    assert [row["step"] for row in rows] == [256, 512, 640, 896, 1024]
    best = max(rows, key=lambda row: np.mean(row["returns"]))
    assert teacher.about["provenance"]["steps"] == best["step"]
    assert teacher.about["provenance"]["best_of_evaluations"] == len(rows)
    assert evaluate_together(teacher.play, "Pendulum-v1", 2, 10_000) == best["returns"]
    again = evaluate_together(teacher.play, "Pendulum-v1", 3, 20_000)
    assert teacher.about["returns"]["float"]["mean"] == pytest.approx(np.mean(again), abs=1e-3)
    assert teacher.squash == "clip" and teacher.normaliser is not None and len(teacher.critics) == 2
    steps = {best["step"], rows[-1]["step"]}
    assert {path.name for path in list_checkpoints(tmp_path)} == {f"step-{step:09d}" for step in steps}


def test_a_finished_run_is_not_trained_again_and_another_protocol_is_refused(tmp_path):
    """The same call returns the same teacher."""
    first, curve = teach(SMALL, tmp_path), (tmp_path / "curve.jsonl").stat().st_mtime_ns
    assert teach(SMALL, tmp_path).digest == first.digest == read_teacher(tmp_path / "teacher.safetensors").digest
    assert (tmp_path / "curve.jsonl").stat().st_mtime_ns == curve
    with pytest.raises(FolderError, match="differs in: seed"):
        teach(replace(SMALL, seed=1), tmp_path)


def test_the_same_seed_gives_the_same_teacher(tmp_path):
    """On one machine, byte for byte."""
    assert teach(SMALL, tmp_path / "a").digest == teach(SMALL, tmp_path / "b").digest
    assert teach(SMALL, tmp_path / "a").digest != teach(replace(SMALL, seed=1), tmp_path / "c").digest


def test_a_killed_run_goes_on_from_its_last_evaluation(tmp_path):
    """Killed in the middle of a rollout after two evaluations, it keeps what the curve tells."""
    code = (
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from tests.trainer.test_teach import SMALL, teach\n"
        "teach(replace(SMALL, steps=10_000_000), Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    curve = tmp_path / "curve.jsonl"
    while not curve.exists() or len(_rows(tmp_path)) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = _rows(tmp_path)
    (tmp_path / "protocol.json").unlink()
    teach(replace(SMALL, steps=before[-1]["step"] + 300), tmp_path)
    after = _rows(tmp_path)
    assert after[: len(before)] == before and len(after) > len(before)
    assert after[-1]["step"] >= before[-1]["step"] + 300


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"copies": 0}, "copies is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"gamma": 1.5}, "gamma is 1.5"),
        ({"widths": (16, 0)}, "widths are"),
    ],
)
def test_what_is_not_allowed_is_named(tmp_path, change, said):
    """Before anything is written."""
    with pytest.raises(ProtocolError, match=said):
        teach(replace(SMALL, **change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_discrete_actions_are_refused(tmp_path):
    """Choices are learned by dqn."""
    with pytest.raises(UnsuitableEnvironmentError, match="--algo dqn"):
        teach(replace(SMALL, env_id="CartPole-v1"), tmp_path)


def test_the_command_tells_what_the_teacher_returns(tmp_path, capsys, monkeypatch):
    """A short run by its command."""
    monkeypatch.setattr("ganglion.trainer.teach.teach", teach)
    assert main(["teach", "--env", "Pendulum", "--steps", "4096", "--widths", "8", "--folder", str(tmp_path)]) == 0
    assert "teacher.safetensors: return -" in capsys.readouterr().out
