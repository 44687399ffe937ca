"""Whole runs on a small environment: files, resumption, refusals."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganglion.codegen.actor import read_actor
from ganglion.trainer.checkpoint import list_checkpoints
from ganglion.trainer.protocol import Protocol, ProtocolError, check_protocol
from ganglion.trainer.teacher import TeacherError, read_teacher
from ganglion.trainer.train import train

SMALL = Protocol(
    "Pendulum-v1",
    steps=500,
    sparsity=0.9,
    prune_events=20,
    batch_size=16,
    learning_starts=100,
    evaluate_every=100,
    evaluation_episodes=1,
)


def test_a_run_ends_with_an_actor_of_the_asked_sparsity(tmp_path):
    actor = read_actor(train(SMALL, tmp_path))
    assert actor.policy.env_id == "Pendulum-v1"
    assert actor.about["provenance"]["steps"] == 600
    assert actor.about["returns"]["quantised"]["episodes"] == 30
    assert actor.about["returns"]["float"]["episodes"] == 30
    assert actor.about["sparsity"]["nonzeros"] <= round(0.1 * (3 * 256 + 256 * 256 + 256)) + 1
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [row["step"] for row in curve] == [100, 200, 300, 400, 500, 600]


def test_a_dense_run_ends_with_a_teacher(tmp_path):
    path = train(replace(SMALL, sparsity=0.0, quantise_end=1.0, steps=200), tmp_path)
    teacher = read_teacher(path)
    assert len(teacher.critics) == 2
    assert teacher.actor[0].weight.shape == (256, 3)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(TeacherError, match="not a whole"):
        read_teacher(path)


def test_a_killed_run_goes_on_with_masks_and_schedule(tmp_path):
    """kill -9 after a checkpoint past the first prunings; the second start ends with the same sparsity."""
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
    assert not (tmp_path / "actor.safetensors").exists()
    actor = read_actor(train(SMALL, tmp_path))
    assert actor.about["provenance"]["steps"] == 600
    assert actor.about["sparsity"]["nonzeros"] <= round(0.1 * (3 * 256 + 256 * 256 + 256)) + 1


def test_a_corrupt_checkpoint_is_passed_over(tmp_path, capsys):
    train(replace(SMALL, steps=300), tmp_path)
    newest = list_checkpoints(tmp_path)[-1]
    (newest / "replay.pkl").write_bytes(b"\x80")
    (tmp_path / "actor.safetensors").unlink()
    train(replace(SMALL, steps=300), tmp_path)
    assert "trying the one before" in capsys.readouterr().out


def test_a_folder_belongs_to_one_protocol(tmp_path):
    train(replace(SMALL, steps=200), tmp_path)
    with pytest.raises(ProtocolError, match="another protocol"):
        train(SMALL, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sparsity": 1.0}, "sparsity is 1.0"),
        ({"sparsity": -0.1}, "sparsity is -0.1"),
        ({"prune_events": 301}, "use at most 300"),
        ({"prune_start": 0.9}, "prune_start < prune_end"),
        ({"learning_starts": 10_000}, "train for longer"),
        ({"bits": replace(SMALL.bits, weights=9)}, "9 bits"),
        ({"bits": replace(SMALL.bits, activations=12)}, "activations have 12 bits"),
    ],
)
def test_bad_protocols_are_named(changes, message):
    with pytest.raises(ProtocolError, match=message):
        check_protocol(replace(SMALL, **changes))


def test_curve_returns_are_finite(tmp_path: Path):
    train(replace(SMALL, steps=200), tmp_path)
    for line in (tmp_path / "curve.jsonl").read_text().splitlines():
        assert np.isfinite(json.loads(line)["returns"]).all()
