"""The train command: from options to a protocol, and what it says when it cannot."""

import pytest

from ganglion import extras
from ganglion.main import main


@pytest.fixture
def asked(monkeypatch):
    """The (protocol, folder) pairs that the command asks to be trained."""
    calls = []
    monkeypatch.setattr("ganglion.trainer.train.train", lambda protocol, folder: calls.append((protocol, folder)))
    return calls


def test_presets_become_protocols(asked):
    assert main(["train", "--env", "Hopper", "--sparsity", "0.95", "--steps", "5000", "--seed", "3"]) == 0
    assert main(["train", "--env", "Swimmer", "--preset", "teacher"]) == 0
    assert main(["train", "--env", "HalfCheetah-v5", "--preset", "fast", "--gamma", "0.98"]) == 0
    (paper, folder), (teacher, _), (fast, _) = asked
    assert (paper.env_id, paper.sparsity, paper.steps, paper.seed) == ("Hopper-v4", 0.95, 5000, 3)
    assert (paper.batch_size, paper.weight_decay, paper.total_steps) == (256, 1e-4, 6000)
    assert folder.name == "Hopper-v4-paper-0.95-3"
    assert (teacher.sparsity, teacher.gamma, teacher.quantises) == (0.0, 0.9999, False)
    assert (fast.env_id, fast.batch_size, fast.gamma) == ("HalfCheetah-v5", 128, 0.98)


def test_bad_hyperparameters_are_one_line(capsys):
    assert main(["train", "--env", "Hopper", "--sparsity", "1.5"]) == 2
    assert "sparsity is 1.5; allowed" in capsys.readouterr().err


def test_without_torch_the_command_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    assert main(["train", "--env", "Hopper"]) == 2
    message = capsys.readouterr().err
    assert "torch, stable_baselines3" in message and "[train]" in message
