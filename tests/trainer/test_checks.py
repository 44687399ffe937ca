"""What cannot be trained is named before training starts, and before anything is written."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from ganglion.hil.environments import UnknownEnvironmentError
from ganglion.trainer import checks
from ganglion.trainer.checks import check_live, check_protocol, check_run
from ganglion.trainer.environments import UnsuitableEnvironmentError
from ganglion.trainer.lean.sac import LeanSAC
from ganglion.trainer.protocol import ProtocolError
from ganglion.trainer.recipes.dqn import DqnProtocol
from ganglion.trainer.train import train
from tests.trainer.test_train import SMALL


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sparsity": 1.0}, "sparsity is 1.0"),
        ({"sparsity": -0.1}, "sparsity is -0.1"),
        ({"sparsity": float("nan")}, "sparsity is nan"),
        ({"prune_events": 301}, r"at most 300 \(--set prune_events=300\)"),
        ({"prune_start": 0.9}, "prune_start < prune_end"),
        ({"learning_starts": 10_000}, "train for longer"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"gamma": 1.5}, "gamma is 1.5"),
        ({"widths": (32, 0)}, "at least one neuron"),
        ({"bits": replace(SMALL.bits, weights=9)}, "9 bits"),
        ({"bits": replace(SMALL.bits, activations=12)}, "activations have 12 bits"),
        ({"allocation": "nonsense"}, "allocation is 'nonsense'; allowed: paper, uniform, erk, global"),
        ({"pattern": "x"}, "pattern is 'x'; allowed: unstructured, pairs, neurons"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0; it must be 0 or more"),
        ({"learning_starts": -1}, "learning_starts is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**32}, "allowed: 0 to 4294967295"),
        ({"tau": 2.0}, "tau is 2.0; allowed: 0 to 1"),
        ({"quantise_end": 0.5}, "quantise_end is 0.5"),
        ({"quantise_end": 1.0}, "or 1 with --no-quantised"),
    ],
)
def test_bad_protocols_are_named(changes, message):
    with pytest.raises(ProtocolError, match=message):
        check_protocol(replace(SMALL, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "resnet"}, "network is 'resnet'; allowed: nature, residual"),
        ({"target_update_interval": 0}, "target_update_interval is 0"),
        ({"max_gradient_norm": -1.0}, "max_gradient_norm is -1.0"),
        ({"exploration_final": 1.5}, "exploration_final is 1.5"),
    ],
)
def test_what_only_one_algorithm_has_is_checked_too(changes, message):
    check_protocol(DqnProtocol("CartPole-v1"))
    with pytest.raises(ProtocolError, match=message):
        check_protocol(DqnProtocol("CartPole-v1", **changes))


def test_a_replay_buffer_that_does_not_fit_into_memory_is_named(monkeypatch):
    game = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8), gymnasium.spaces.Discrete(6)
    protocol = DqnProtocol("PongNoFrameskip-v4")
    monkeypatch.setattr(checks.os, "sysconf", {"SC_PHYS_PAGES": 4_000_000, "SC_PAGE_SIZE": 4096}.__getitem__)
    checks.check_memory(protocol, *game)  # 7 GB of 16: each frame is kept once
    monkeypatch.setattr(checks.os, "sysconf", {"SC_PHYS_PAGES": 1_000_000, "SC_PAGE_SIZE": 4096}.__getitem__)
    with pytest.raises(ProtocolError, match=r"takes 7\.1 GB, this machine has 4\.1; at most buffer_size=(\d+)") as told:
        checks.check_memory(protocol, *game)
    fitting = int(str(told.value).split("buffer_size=")[1].split()[0])
    checks.check_memory(replace(protocol, buffer_size=fitting), *game)
    with pytest.raises(ProtocolError, match="takes"):
        checks.check_memory(replace(protocol, buffer_size=fitting + 1), *game)


def test_a_layer_without_a_live_row_is_named_before_training():
    shapes = [(32, 3), (32, 32), (3, 32)]
    check_live(replace(SMALL, sparsity=0.9), shapes)
    check_live(replace(SMALL, sparsity=0.98, allocation="uniform"), shapes)
    with pytest.raises(ProtocolError, match=r"leaves 0 of the .* weights of layer 1 .* wider layers"):
        check_live(replace(SMALL, sparsity=0.999), shapes)
    with pytest.raises(ProtocolError, match="perceptrons only"):
        check_live(replace(SMALL, pattern="neurons"), [(32, 4, 8, 8)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sparsity": 1.0}, "sparsity is 1.0"),
        ({"prune_events": 301}, "at most 300"),
        ({"sparsity": 0.999, "allocation": "uniform"}, "leaves 0 of the"),
        ({"env_id": "CartPole-v1"}, "use --algo dqn"),
    ],
)
def test_nothing_is_trained_before_bad_input_is_named(changes, message, tmp_path, monkeypatch):
    monkeypatch.setattr(LeanSAC, "learn", lambda *_, **__: pytest.fail("training has started"))
    with pytest.raises(ValueError, match=message):
        train(replace(SMALL, **changes), tmp_path)
    assert not list(tmp_path.iterdir())


class _Strange(gymnasium.Env):
    """Its second observation is not finite, or its first if `first` is not."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)

    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, first=0.0, **spaces):
        self.first = first
        vars(self).update(spaces)

    def reset(self, *, seed=None, options=None):
        return np.array([self.first, 0.0], np.float32), {}

    def step(self, action):
        return np.array([0.0, np.nan], np.float32), 0.0, False, False, {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"observation \[1\] is nan after 1"),
        ({"first": np.inf}, r"observation \[0\] is inf after 0"),
        ({"action_space": gymnasium.spaces.Box(-np.inf, np.inf, (1,))}, "actions without bounds"),
        ({"action_space": gymnasium.spaces.MultiBinary(2)}, "neither algorithm can act there"),
        ({"observation_space": gymnasium.spaces.Discrete(16)}, r"has observations Discrete\(16\); a vector of numbers"),
    ],
)
def test_unsuitable_environments_are_named(options, message, tmp_path):
    gymnasium.register("Strange-v0", _Strange, kwargs=options)
    try:
        with pytest.raises(UnsuitableEnvironmentError, match=message):
            train(replace(SMALL, env_id="Strange-v0"), tmp_path)
    finally:
        del gymnasium.registry["Strange-v0"]
    assert not list(tmp_path.iterdir())


def test_an_environment_that_cannot_be_made_is_named():
    gymnasium.register("NoSuchPhysics-v0", "no_such_module_anywhere:Env")
    try:
        with pytest.raises(UnknownEnvironmentError, match=r"cannot be made: .*no_such_module_anywhere"):
            check_run(replace(SMALL, env_id="NoSuchPhysics-v0"))
    finally:
        del gymnasium.registry["NoSuchPhysics-v0"]
