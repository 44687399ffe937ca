"""What cannot be trained is named before training starts, and before anything is written."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from ganglion.hil.environments import UnknownEnvironmentError
from ganglion.trainer import memory
from ganglion.trainer.checks import check_live, check_protocol, check_run
from ganglion.trainer.environments import UnsuitableEnvironmentError
from ganglion.trainer.lean.sac import LeanSAC
from ganglion.trainer.protocol import ProtocolError
from ganglion.trainer.recipes.dqn import DqnProtocol
from ganglion.trainer.train import train
from tests.trainer.strange import registered
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
        ({"quantise_end": 1.0001}, "leaves 0 steps for integer training"),
        ({"quantise_end": 1e300}, "longer than 2"),
        ({"train_freq": 5_000}, r"the first training is at step 5,000 \(learning_starts 30, train_freq 5000\)"),
        ({"learning_starts": 550}, "nothing would be trained in 500 steps"),
        ({"learning_starts": 100}, "needed: --set learning_starts=99 or at least --steps 505"),
        ({"train_freq": 200}, "first training is at step 200 .* needed: at least --steps 1000"),
        ({"prune_start": 0.0}, "needed: --set learning_starts=0"),
        ({"steps": 10**400}, r"steps has a number of 1329 bits; allowed: up to 2\*\*53"),
        ({"evaluate_every": 10**400}, "evaluate_every has a number of 1329 bits"),
        ({"widths": (64, 10**400)}, "widths has a number of 1329 bits"),
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
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PHYS_PAGES": 4_000_000, "SC_PAGE_SIZE": 4096}.__getitem__)
    memory.check_memory(protocol, *game)  # 7 GB of 16: each frame is kept once
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PHYS_PAGES": 1_000_000, "SC_PAGE_SIZE": 4096}.__getitem__)
    with pytest.raises(ProtocolError, match=r"takes 7\.1 GB, this machine has 4\.1; at most buffer_size=(\d+)") as told:
        memory.check_memory(protocol, *game)
    fitting = int(str(told.value).split("buffer_size=")[1].split()[0])
    memory.check_memory(replace(protocol, buffer_size=fitting), *game)
    with pytest.raises(ProtocolError, match="takes"):
        memory.check_memory(replace(protocol, buffer_size=fitting + 1), *game)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": (1_000_000, 1_000_000)}, r"networks of widths \(1000000, 1000000\) take .* this machine has"),
        ({"batch_size": 10**11}, "a batch of batch_size 100,000,000,000 takes .* at most batch_size="),
    ],
)
def test_networks_and_batches_that_do_not_fit_into_memory_are_named(changes, message):
    with pytest.raises(ProtocolError, match=message):
        check_run(replace(SMALL, **changes))


def test_what_the_remedies_name_is_allowed():
    for changes in (
        {"learning_starts": 99},
        {"learning_starts": 100, "steps": 505},
        {"train_freq": 200, "steps": 1000},
    ):
        check_protocol(replace(SMALL, **changes))
    check_protocol(replace(SMALL, prune_start=0.0, learning_starts=0))


def test_whole_neurons_reach_only_so_much_sparsity():
    shapes, protocol = [(32, 3), (32, 32), (1, 32)], replace(SMALL, pattern="neurons")
    weights, kept = 32 * (3 + 32 + 1), 3 + 1 + 1
    check_live(replace(protocol, sparsity=1 - kept / weights), shapes)
    with pytest.raises(ProtocolError, match=r"cannot be reached by whole neurons: .* 5 of 1,152 .* up to 0\.9956,"):
        check_live(replace(protocol, sparsity=0.999), shapes)


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


def _box(low, high, shape=None, dtype=np.float32):
    low, high = (np.broadcast_to(np.asarray(bound, dtype), shape or np.shape(low)) for bound in (low, high))
    return gymnasium.spaces.Box(low, high, dtype=dtype)


def _observations(*shape, dtype=np.float32):
    return gymnasium.spaces.Box(0, 255, shape, dtype)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"then": np.nan}, r"observation \[1\] is nan after 1 step;"),
        ({"first": np.inf}, r"observation \[1\] is inf after 0 steps"),
        ({"reward": np.inf, "good": 30}, "the reward is inf after 31 steps"),
        ({"reward": np.nan}, "the reward is nan after 1 step;"),
        ({"raises": "reset"}, r"reset raised ValueError \(no episode left\) after 0 steps"),
        ({"raises": "step", "good": 4}, r"step raised ZeroDivisionError \(division by zero\) after 5 steps"),
        ({"shape": (3,)}, r"an observation has shape \(3,\) after 0 steps; its space says \(2,\)"),
        ({"action_space": gymnasium.spaces.Box(-np.inf, np.inf, (1,))}, "actions without bounds"),
        ({"action_space": gymnasium.spaces.MultiBinary(2)}, "neither algorithm can act there"),
        ({"action_space": _box(-1, 1, (2, 2))}, r"actions of shape \(2, 2\)"),
        ({"action_space": _box(-1, 1, (0,))}, r"actions of shape \(0,\)"),
        ({"action_space": _box(-1, 1, (2,), np.int32)}, "actions of type int32"),
        ({"action_space": _box([-1, 1], [1, 1])}, "number 1 lies between 1 and 1"),
        ({"action_space": _box([-3e38, -1], [3e38, 1])}, r"number 0 lies between -3e\+38 and 3e\+38"),
        ({"observation_space": gymnasium.spaces.Discrete(16)}, r"has observations Discrete\(16\); a vector of numbers"),
        ({"observation_space": _observations(0)}, r"observations of shape \(0,\), which are empty"),
        ({"observation_space": _observations(4, 84, 84, dtype=np.uint8)}, "sac is for vectors of numbers"),
    ],
)
def test_unsuitable_environments_are_named(options, message, tmp_path):
    with registered(**options) as env_id, pytest.raises(UnsuitableEnvironmentError, match=message):
        train(replace(SMALL, env_id=env_id), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action_space": gymnasium.spaces.Discrete(3, start=1)}, "counted from 1"),
        ({"observation_space": _observations(4, 84, 84, dtype=np.uint8)}, "images come from Atari games only"),
    ],
)
def test_what_deep_q_learning_cannot_do_is_named(options, message, tmp_path):
    with (
        registered(**{"action_space": gymnasium.spaces.Discrete(2), **options}) as env_id,
        pytest.raises(UnsuitableEnvironmentError, match=message),
    ):
        train(DqnProtocol(env_id), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_wrong_algorithm_is_told_before_its_schedule():
    with pytest.raises(UnsuitableEnvironmentError, match="use --algo sac"):
        check_run(DqnProtocol("Pendulum-v1", steps=100))


def test_a_network_for_images_is_refused_for_vectors():
    with pytest.raises(ProtocolError, match=r"network is residual, which is for images; CartPole-v1 has vectors"):
        check_run(DqnProtocol("CartPole-v1", network="residual"))


def test_a_constructor_that_raises_is_named(tmp_path):
    told = pytest.raises(UnknownEnvironmentError, match="cannot be made: ValueError: no such level")
    with registered(refuses=ValueError("no such level")) as env_id, told:
        train(replace(SMALL, env_id=env_id), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_environment_that_cannot_be_made_is_named():
    gymnasium.register("NoSuchPhysics-v0", "no_such_module_anywhere:Env")
    try:
        with pytest.raises(UnknownEnvironmentError, match=r"cannot be made: .*no_such_module_anywhere"):
            check_run(replace(SMALL, env_id="NoSuchPhysics-v0"))
    finally:
        del gymnasium.registry["NoSuchPhysics-v0"]
