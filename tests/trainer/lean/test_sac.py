"""The lean gradient step computes what Stable-Baselines3's does."""

from copy import deepcopy

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import nn

from ganglion.trainer.compression.calibration import BitWidths, calibrate
from ganglion.trainer.compression.callback import sparsify
from ganglion.trainer.compression.pruning import prune
from ganglion.trainer.environments import make_env
from ganglion.trainer.lean.replay import Replay
from ganglion.trainer.lean.sac import LeanSAC

INTEGERS = {"integers": BitWidths(), "wide integers": BitWidths(8, 16, 16), "powers": BitWidths(powers_of_two=True)}


def _model(algorithm, **changes):
    torch.manual_seed(0)
    model = algorithm(
        "MlpPolicy",
        make_env("Pendulum-v1", 0),
        learning_starts=100,
        buffer_size=500,
        batch_size=64,
        seed=0,
        device="cpu",
        policy_kwargs={"net_arch": [32, 32]},
        **changes,
    )
    return model.learn(100)


def _compress(model, kind):
    layers = sparsify(model.actor)
    for layer in layers:
        prune(layer, 0.5, model.actor.optimizer)
    if kind in INTEGERS:
        calibrate(layers[:-1], torch.as_tensor(model.replay_buffer.observations[:100, 0]), INTEGERS[kind])
    return layers


def _train(model, updates=1, seed=1):
    torch.manual_seed(seed)
    np.random.seed(seed)
    model.train(gradient_steps=updates, batch_size=64)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({}, "dense"), ({"ent_coef": 0.2}, "dense"), ({}, "masks"), *(({}, kind) for kind in INTEGERS)],
)
def test_one_update_equals_stable_baselines(changes, kind):
    """One update leaves the same parameters, entropy coefficient and target; only float32 rounding may differ."""
    models = [_model(SAC, **changes), _model(LeanSAC, **changes)]
    for model in models:
        if kind != "dense":
            _compress(model, kind)
        _train(model)
    reference, lean = (model.policy.state_dict() for model in models)
    for name, value in reference.items():
        # Adam's first step is lr * sign(gradient): where a gradient is rounding noise its sign is too.
        close = (value - lean[name]).abs() <= 1e-6 + 1e-5 * value.abs()
        assert close.float().mean() >= 0.999, name
    if "ent_coef" not in changes:
        assert torch.allclose(models[0].log_ent_coef, models[1].log_ent_coef, atol=1e-7)


@pytest.mark.parametrize("kind", ["dense", "masks", "integers"])
def test_exploration_equals_stable_baselines(kind):
    actions = []
    for algorithm in (SAC, LeanSAC):
        model = _model(algorithm)
        if kind != "dense":
            _compress(model, kind)
        torch.manual_seed(3)
        actions.append([model._sample_action(learning_starts=0) for _ in range(5)])
    assert np.allclose(*actions, rtol=0, atol=1e-6)


@pytest.mark.parametrize("envs", [1, 3])
def test_batches_are_those_of_the_buffer(envs):
    observations = gymnasium.spaces.Box(-1, 1, (4,), np.float32)
    buffer = ReplayBuffer(60, observations, gymnasium.spaces.Box(-1, 1, (2,), np.float32), n_envs=envs)
    random = np.random.default_rng(0)
    for _ in range(15):
        seen, following, actions = (random.random((envs, size), np.float32) for size in (4, 4, 2))
        ended, cut = random.random(envs) < 0.5, random.random(envs) < 0.5
        infos = [{"TimeLimit.truncated": bool(value)} for value in cut]
        buffer.add(seen, following, actions, random.random(envs), ended, infos)
    replay = Replay(buffer, 32)
    for seed in range(3):
        np.random.seed(seed)
        expected = buffer.sample(32)
        np.random.seed(seed)
        batch = replay.sample()
        assert torch.equal(batch.observations, torch.cat([expected.observations, expected.next_observations]))
        assert torch.equal(batch.actions, expected.actions)
        assert torch.equal(batch.rewards, expected.rewards[:, 0])
        assert torch.equal(batch.ends, expected.dones[:, 0])


def test_loaded_optimisers_are_followed():
    """Moments that are loaded in the middle count from then on."""
    plain, loaded = _model(LeanSAC, ent_coef=0.2), _model(LeanSAC, ent_coef=0.2)
    for model, updates in ((plain, 2), (loaded, 4)):
        _train(model, updates)
    loaded.policy.load_state_dict(plain.policy.state_dict())
    for name in ("actor", "critic"):
        state = deepcopy(getattr(plain, name).optimizer.state_dict())
        getattr(loaded, name).optimizer.load_state_dict(state)
    for model in (plain, loaded):
        _train(model, 2, seed=9)
    for name, value in plain.policy.state_dict().items():
        assert torch.equal(value, loaded.policy.state_dict()[name]), name


def test_a_loaded_model_goes_on_as_the_one_that_was_saved(tmp_path):
    model = _model(LeanSAC)
    _train(model, 3)
    model.save(tmp_path / "model.zip")
    model.save_replay_buffer(tmp_path / "replay.pkl")
    loaded = LeanSAC.load(tmp_path / "model.zip", env=make_env("Pendulum-v1", 0), device="cpu")
    loaded.load_replay_buffer(tmp_path / "replay.pkl")
    loaded.set_logger(model.logger)
    for each in (model, loaded):
        _train(each, 3, seed=5)
    for name, value in model.policy.state_dict().items():
        assert torch.equal(value, loaded.policy.state_dict()[name]), name


def test_critic_is_trainable_after_the_actor_step():
    """Freezing the critic for the actor's gradient must not outlast the step."""
    model = _model(LeanSAC)
    before = [p.clone() for p in model.critic.parameters()]
    model.train(gradient_steps=2, batch_size=64)
    assert all(p.requires_grad for p in model.critic.parameters())
    assert all((p != q).any() for p, q in zip(model.critic.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_sde": True}, "state-dependent exploration"),
        ({"policy_kwargs": {"activation_fn": nn.Tanh}}, "activations other than ReLU"),
        ({"optimize_memory_usage": True, "replay_buffer_kwargs": {"handle_timeout_termination": False}}, "buffers"),
        ({"env": VecNormalize(DummyVecEnv([lambda: make_env("Pendulum-v1")]))}, "normalised environments"),
        ({"env": gymnasium.wrappers.DtypeObservation(make_env("Pendulum-v1"), np.float64)}, "float32 vectors"),
    ],
)
def test_what_only_sac_can_do_is_refused(changes, message):
    with pytest.raises(ValueError, match=f"{message}.*use SAC"):
        LeanSAC("MlpPolicy", **{"env": make_env("Pendulum-v1"), "buffer_size": 10, "device": "cpu", **changes})


@pytest.mark.parametrize("kind", ["masks", "integers"])
def test_sparse_layers_follow_every_update(kind):
    """Layers keep their masked and rounded weights between updates; each update must renew them."""
    model = _model(LeanSAC)
    layers = _compress(model, kind)
    for _ in range(3):
        before = [layer.in_use()[1].clone() for layer in layers]
        model.learning_rate = 0.05
        model._setup_lr_schedule()
        model.train(gradient_steps=1, batch_size=64)
        for layer, bias in zip(layers, before, strict=True):
            assert not torch.equal(layer.in_use()[1], bias)
            assert not layer.weight[layer.mask == 0].any()
            if layer.quantiser is None:
                assert torch.equal(layer.in_use()[0], layer.weight * layer.mask)
            else:
                codes, _, exponents = layer.codes()
                assert torch.equal(layer.in_use()[0], torch.ldexp(codes, exponents[:, None]))


def test_the_lean_step_follows_new_quantisers():
    """Integers of other widths in bits, whose rounding goes another way, replace those before at once."""
    model = _model(LeanSAC)
    layers = _compress(model, "masks")
    observations = torch.as_tensor(model.replay_buffer.observations[:100, 0])
    for bits in (BitWidths(), BitWidths(4), BitWidths(8, 16, 16), BitWidths(powers_of_two=True), BitWidths(3)):
        calibrate(layers[:-1], observations, bits)
        means, _ = model._networks().actor.forward(observations)
        with torch.no_grad():
            values = observations
            for layer in layers[:-1]:
                values = layer(values)
        assert torch.equal(means, values)
