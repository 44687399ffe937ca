"""Whole runs on small environments: files, refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ganglion.codegen.actor import read_actor
from ganglion.trainer.recipes.sac import SacProtocol
from ganglion.trainer.storage.folder import FolderError
from ganglion.trainer.storage.lock import locked
from ganglion.trainer.storage.result import read_result
from ganglion.trainer.teacher import TeacherError, read_teacher
from ganglion.trainer.train import train

pytestmark = pytest.mark.usefixtures("few_episodes")

SMALL = SacProtocol(
    "Pendulum-v1",
    steps=500,
    sparsity=0.9,
    prune_events=20,
    batch_size=16,
    widths=(32, 32),
    learning_starts=30,
    evaluate_every=100,
    evaluation_episodes=1,
    checkpoint_every=100,
)
WEIGHTS = 3 * 32 + 32 * 32 + 32


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


def test_a_folder_belongs_to_one_protocol(tmp_path):
    train(replace(SMALL, steps=200), tmp_path)
    with pytest.raises(FolderError, match=r"differs in: steps; choose another folder"):
        train(SMALL, tmp_path)
    (tmp_path / "protocol.json").unlink()
    with pytest.raises(FolderError, match=r"holds .* and is no run's"):
        train(SMALL, tmp_path)


def test_a_folder_with_files_of_the_users_is_refused_and_left_alone(tmp_path):
    for name in (".partial-thesis", "step-by-step"):
        (tmp_path / name).mkdir()
    for name in ("best-cv.pdf", ".notes.partial"):
        (tmp_path / name).write_text("mine")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(
        FolderError, match=r"holds \.notes\.partial, \.partial-thesis, best-cv\.pdf and 1 more and is no"
    ):
        train(SMALL, tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_one_process_at_a_time_trains_in_a_folder(tmp_path):
    with locked(tmp_path), pytest.raises(FolderError, match=r"another process \(pid .* trains in"):
        train(SMALL, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
