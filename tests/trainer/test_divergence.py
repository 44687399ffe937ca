"""Training that diverges is told, and nothing of it is written; so is an environment that spoils while it trains."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch

from ganglion.main import main
from ganglion.trainer import divergence
from ganglion.trainer.divergence import DivergenceError
from ganglion.trainer.environments import UnsuitableEnvironmentError
from ganglion.trainer.lean.sac import LeanSAC
from ganglion.trainer.recipes.dqn import DqnProtocol
from ganglion.trainer.storage.checkpoint import list_checkpoints
from ganglion.trainer.storage.manifest import write_manifest
from ganglion.trainer.train import train
from tests.trainer.strange import registered
from tests.trainer.test_train import SMALL as SAC

pytestmark = pytest.mark.usefixtures("few_episodes")

SHORT = replace(SAC, steps=250, checkpoint_every=50, evaluate_every=240, prune_events=5)
DQN = DqnProtocol(
    "Strange-v0",
    steps=250,
    widths=(16, 16),
    learning_starts=30,
    evaluate_every=240,
    evaluation_episodes=1,
    checkpoint_every=48,
)
CHOICES = {"action_space": gymnasium.spaces.Discrete(2)}


def _networks(folder):
    for path in list_checkpoints(folder):
        yield from LeanSAC.load(path / "model.zip").policy.parameters()


def test_a_learning_rate_that_is_too_high_is_one_line(tmp_path, capsys):
    command = f"train --env Pendulum --steps 600 --sparsity 0.5 --folder {tmp_path} --set learning_rate=1e30"
    command += " learning_starts=100 checkpoint_every=50 prune_events=10 widths=16,16"
    for _ in range(2):  # when it is started again, too
        assert main(command.split()) == 2
        error = capsys.readouterr().err
        assert "not finite at step 10" in error and "lower learning_rate (now 1e+30" in error
        assert "the checkpoint of step 100 is whole" in error and error.count("\n") == 1
    assert all(torch.isfinite(parameter).all() for parameter in _networks(tmp_path))
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize(
    ("protocol", "options", "message"),
    [
        (SHORT, {"then": 1e38}, r"weights of .* not finite at step 2\d\d: .* checkpoint of step 200 is whole"),
        (SHORT, {"reward": 1e38}, r"moments of critic.optimizer are not finite at step 2\d\d: .* step 200 is whole"),
        (replace(DQN, learning_rate=1e30), CHOICES, r"weights of q_net\S* are not finite at step \d\d: "),
    ],
)
def test_what_is_not_finite_is_neither_written_nor_published(protocol, options, message, tmp_path):
    with registered(good=205, **options) as env_id, pytest.raises(DivergenceError, match=message):
        train(replace(protocol, env_id=env_id), tmp_path)
    assert all(int(path.name[5:]) <= 205 for path in list_checkpoints(tmp_path))
    assert not list(tmp_path.glob("*.safetensors")) and not (tmp_path / "result.json").exists()


@pytest.mark.parametrize(
    ("protocol", "options", "message"),
    [
        (SHORT, {"then": np.nan}, r"Strange-v0: observation \[1\] is nan after 211 steps"),
        (SHORT, {"raises": "step"}, r"step raised ZeroDivisionError \(division by zero\) after 211 steps"),
        (DQN, {"reward": np.inf, **CHOICES}, "the reward is inf after 211 steps"),
    ],
)
def test_an_environment_that_spoils_while_it_trains_is_named(protocol, options, message, tmp_path):
    with registered(good=210, **options) as env_id, pytest.raises(UnsuitableEnvironmentError, match=message):
        train(replace(protocol, env_id=env_id), tmp_path)
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("stop_before", [101, None])
def test_a_checkpoint_that_is_not_finite_is_told_and_not_published(tmp_path, stop_before):
    """One to go on from, and one of the end whose result is missing; both are as they were written."""
    protocol = replace(SHORT, sparsity=0.0, quantised=False)
    train(protocol, tmp_path, stop_before=stop_before)
    newest = list_checkpoints(tmp_path)[-1]
    model = LeanSAC.load(newest / "model.zip")
    model.actor.mu.bias.data.fill_(torch.nan)
    model.save(newest / "model.zip")
    write_manifest(newest)
    (tmp_path / "result.json").unlink(missing_ok=True)
    with pytest.raises(
        DivergenceError, match=rf"weights of actor\.mu\.bias are not finite at step {model.num_timesteps}"
    ):
        train(protocol, tmp_path)
    assert list_checkpoints(tmp_path)[-1] == newest and not (tmp_path / "result.json").exists()


def _no_numbers(observations):
    raise ValueError("Expected parameter loc to satisfy the constraint")


@pytest.mark.parametrize("act", [_no_numbers, lambda observations: np.full((1, 1), np.nan)])
def test_actions_that_are_not_finite_are_told(act, tmp_path):
    with registered(good=1) as env_id:
        model = LeanSAC("MlpPolicy", gymnasium.make(env_id), buffer_size=10, learning_rate=2e-3, device="cpu")
    with pytest.raises(DivergenceError, match=r"actions are not finite at step 0: .*now 0\.002.* no checkpoint"):
        divergence.finite(act, model, tmp_path)(np.zeros((1, 2)))
    with pytest.raises(DivergenceError, match="the actor's actions are not finite"):
        divergence.check_actions(np.array([np.inf]), model)
