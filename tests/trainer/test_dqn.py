"""Deep Q-learning: perceptrons down to the actor file, convolutions down to exact integers in training."""

import itertools
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.torch_layers import NatureCNN

from ganglion.codegen.actor import read_actor
from ganglion.codegen.reference import infer
from ganglion.trainer.compression.calibration import BitWidths
from ganglion.trainer.compression.callback import Compression
from ganglion.trainer.compression.convolution import ResidualExtractor
from ganglion.trainer.compression.export import ExportError, export_policy
from ganglion.trainer.compression.pruning import allocate, prune
from ganglion.trainer.recipes import RECIPES
from ganglion.trainer.recipes.dqn import DqnProtocol
from ganglion.trainer.train import train

pytestmark = pytest.mark.usefixtures("few_episodes")

SMALL = DqnProtocol(
    "CartPole-v1",
    steps=400,
    sparsity=0.8,
    prune_events=10,
    widths=(32, 32),
    learning_rate=1e-3,
    learning_starts=60,
    target_update_interval=25,
    calibration_observations=200,
    evaluate_every=400,
    evaluation_episodes=1,
    checkpoint_every=240,
)


class _Images(gymnasium.Env):
    """Random images, five frames an episode."""

    observation_space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 5
        return self._image(), {}

    def step(self, action):
        self.left -= 1
        return self._image(), float(action == 1), self.left == 0, False, {}

    def _image(self):
        return self.np_random.integers(0, 256, (4, 84, 84), dtype=np.uint8)


def test_a_run_ends_with_an_actor_that_chooses_what_the_network_chooses(tmp_path):
    result = train(SMALL, tmp_path)
    policy = read_actor(tmp_path / result.file).policy
    assert policy.head.kind == "argmax" and policy.layers[-1].rows == 2
    assert result.nonzeros == sum(
        size - round(share * size)
        for size, share in zip((128, 1024, 64), allocate([(32, 4), (32, 32), (2, 32)], 0.8, "paper"), strict=True)
    )
    model = DQN.load(tmp_path / "step-000000480" / "model.zip")
    recipe = RECIPES["dqn"]
    parts = recipe.parts(model)
    extra = torch.load(tmp_path / "step-000000480" / "state.pt", weights_only=False)["extra"]
    for layer, mask, quantiser in zip(parts.all, extra["masks"], extra["quantisers"], strict=True):
        layer.mask.copy_(mask)
        layer.set_quantiser(quantiser)
    observations = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    chosen, _ = model.predict(observations, deterministic=True)
    assert np.array_equal(infer(policy, observations).codes[:, 0], chosen)


def _convolutional(extractor, monkeypatch):
    monkeypatch.setattr("ganglion.trainer.compression.convolution._RESIDUAL_CHANNELS", (4, 8, 8))
    env = _Images()
    policy = {"features_extractor_class": extractor, "features_extractor_kwargs": {"features_dim": 16}, "net_arch": []}
    model = DQN(
        "CnnPolicy", env, buffer_size=60, learning_starts=20, batch_size=4, seed=0, policy_kwargs=policy, device="cpu",
        target_update_interval=1000,
    )  # fmt: skip
    model.learn(20)
    return model, RECIPES["dqn"].parts(model)


@pytest.mark.parametrize("extractor", [NatureCNN, ResidualExtractor])
def test_convolutions_are_pruned_and_train_in_integers(extractor, monkeypatch):
    """Masks hold through updates, target and network round alike, and every value is a multiple of its unit."""
    model, parts = _convolutional(extractor, monkeypatch)
    for layer, target in zip(parts.layers, parts.targets, strict=True):
        prune(layer, 0.8, parts.optimizer)
        target.mask.copy_(layer.mask)
    model.policy.q_net_target.load_state_dict(model.policy.q_net.state_dict())
    images = torch.as_tensor(model.replay_buffer.observations[:16, 0])
    parts.calibrate(images, BitWidths())
    with torch.no_grad():
        assert torch.equal(model.q_net(images), model.q_net_target(images))
    model.train(gradient_steps=3, batch_size=4)
    for layer in parts.layers:
        assert not layer.weight[layer.mask == 0].any()
        assert layer.nonzeros == layer.weight.numel() - round(0.8 * layer.weight.numel())
    first = parts.layers[0]
    seen = []
    first.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        model.q_net(images)
        codes, bias, exponents = first.codes()
        pixels = images.double()
        sums = torch.nn.functional.conv2d(pixels, codes.view_as(first.weight).double(), bias.double(), first.stride)
        shifts = (first.quantiser.output_exponent - first.quantiser.input_exponent - exponents)[:, None, None]
        low, high = first.quantiser.output_range
        expected = torch.floor(sums / 2.0**shifts + 0.5).clamp(low, high)
    assert torch.equal(seen[0].double(), expected * 2.0**first.quantiser.output_exponent)


def test_convolutions_are_not_exported_and_say_so(monkeypatch):
    model, parts = _convolutional(NatureCNN, monkeypatch)
    parts.calibrate(torch.as_tensor(model.replay_buffer.observations[:8, 0]), BitWidths())
    with pytest.raises(ExportError, match="layer 0 is a convolution: convolutional actors are not compiled yet"):
        export_policy(parts.layers, "Images-v0", model.action_space, "argmax")


def test_a_target_is_rounded_again_before_anything_learns_from_it(monkeypatch):
    """Stable-Baselines3 updates the target between the callbacks of a step and training; here every eight steps."""
    model, parts = _convolutional(NatureCNN, monkeypatch)
    compression = Compression(replace(SMALL, sparsity=0.0, calibration_observations=8), parts, {})
    compression.init_callback(model)
    compression.quantise()
    model.target_update_interval = 8
    learn, seen = model.train, []

    def train(*arguments, **more):
        used = [layer.in_use()[0].clone() for layer in parts.targets]
        for layer in parts.targets:
            layer.forget()
        assert all(torch.equal(weight, layer.in_use()[0]) for weight, layer in zip(used, parts.targets, strict=True))
        seen.append(used)
        learn(*arguments, **more)

    monkeypatch.setattr(model, "train", train)
    model.learn(52, callback=compression)
    moved = [not torch.equal(before[0], after[0]) for before, after in itertools.pairwise(seen)]
    assert moved == [True, False, True, False, True, False, True]


def test_the_residual_network_has_the_published_size():
    extractor = ResidualExtractor(_Images.observation_space)
    assert sum(parameter.numel() for parameter in extractor.parameters()) == 1_995_168
    assert extractor.linear[0].in_features == 3_136


def test_presets_hold_the_published_values():
    nature = RECIPES["dqn"].preset("paper", "PongNoFrameskip-v4")
    assert (nature.steps, nature.total_steps, nature.prune_events) == (10_000_000, 12_000_000, 300)
    assert (nature.learning_rate, nature.batch_size, nature.train_freq, nature.gradient_steps) == (1e-4, 32, 4, 1)
    assert (nature.learning_starts, nature.target_update_interval, nature.tau) == (20_000, 8_000, 1.0)
    assert (nature.adam_epsilon, nature.weight_decay, nature.buffer_size) == (1e-8, 0.0, 1_000_000)
    assert nature.schedule.interval == 20_000
    residual = RECIPES["dqn"].preset("residual", "PongNoFrameskip-v4")
    assert (residual.network, residual.adam_epsilon, residual.weight_decay) == ("residual", 3.125e-4, 1e-5)
    sac = RECIPES["sac"].preset("paper", "Hopper-v4")
    assert (sac.steps, sac.prune_events, sac.schedule.interval, sac.weight_decay) == (1_000_000, 600, 1_000, 1e-4)
    assert (sac.learning_starts, sac.batch_size, sac.gamma, sac.tau) == (10_000, 256, 0.99, 0.005)
    assert (sac.evaluate_every, sac.evaluation_episodes, sac.widths) == (10_000, 20, (256, 256))
