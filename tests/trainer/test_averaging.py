"""The average of a teacher's weights: what it is, what it leaves alone, and that it survives a stop."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganglion.trainer.averaging import Averaging
from ganglion.trainer.checks import check_protocol
from ganglion.trainer.compression.callback import Parts
from ganglion.trainer.compression.layers import SparseLinear
from ganglion.trainer.environments import make_env
from ganglion.trainer.imported import load_teacher
from ganglion.trainer.protocol import ProtocolError
from ganglion.trainer.recipes import RECIPES
from ganglion.trainer.recipes.sac import SacProtocol
from ganglion.trainer.storage.checkpoint import load_checkpoint
from ganglion.trainer.teacher import read_teacher
from ganglion.trainer.train import train

DENSE = RECIPES["sac"].preset(
    "small", "Pendulum-v1", sparsity=0.0, quantised=False, quantise_end=1.0, steps=400, learning_starts=50,
    widths=(16, 16), evaluate_every=200, evaluation_episodes=2, checkpoint_every=100, averaging_steps=100,
)  # fmt: skip


def _averaging(steps, state=None):
    layer = SparseLinear(nn.Linear(3, 2))
    parts = Parts([layer], [], [], None, None)
    return layer, Averaging(SacProtocol("Test-v0", averaging_steps=steps, learning_starts=0), parts, state or {})


def _walk(layer, averaging, values):
    for step, value in enumerate(values):
        with torch.no_grad():
            layer.weight.fill_(value)
            layer.bias.fill_(-value)
        averaging.num_timesteps = step + 1
        averaging._on_step()


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(-10, 10), min_size=1, max_size=30), steps=st.integers(1, 40), stop=st.integers(0, 30))
def test_is_the_mean_of_all_steps_then_an_exponential_one(values, steps, stop):
    layer, averaging = _averaging(steps)
    _walk(layer, averaging, values[:stop])
    layer, averaging = _averaging(steps, averaging.state)
    _walk(layer, averaging, values[stop:])
    expected = 0.0
    for count, value in enumerate(values, start=1):
        expected += (value - expected) / min(count, steps)
    newest = layer.weight.detach().clone()
    with averaging.in_use():
        assert torch.allclose(layer.weight, torch.full((2, 3), expected), atol=1e-3)
        assert torch.allclose(layer.bias, torch.full((2,), -expected), atol=1e-3)
    assert torch.equal(layer.weight, newest)


def test_training_does_not_see_it(tmp_path):
    """With and without it the trained weights end the same; the teacher that is written is the mean."""
    newest = {}
    for steps in (0, DENSE.averaging_steps):
        protocol = replace(DENSE, averaging_steps=steps)
        train(protocol, tmp_path / str(steps))
        model, _ = load_checkpoint(
            tmp_path / str(steps), RECIPES["sac"].model, make_env(protocol.env_id, protocol.seed, training=True)
        )
        newest[steps] = model.actor.mu.weight.detach()
    assert torch.equal(*newest.values())
    written = [read_teacher(tmp_path / str(steps) / "teacher.safetensors").linears[-1].weight for steps in newest]
    assert torch.equal(written[0], newest[0])
    assert not torch.equal(written[1], newest[0])


def test_a_stopped_run_goes_on_with_its_mean_and_teaches_with_it(tmp_path):
    assert train(DENSE, tmp_path, stop_before=301) is None
    assert _count(tmp_path) == 250
    _, state = load_checkpoint(tmp_path, RECIPES["sac"].model, make_env(DENSE.env_id))
    taught = load_teacher(tmp_path)
    assert taught.env_id == DENSE.env_id
    assert torch.equal(taught.linears[0].weight, state["average"][1][0])
    train(DENSE, tmp_path)
    assert _count(tmp_path) == 350
    assert load_teacher(tmp_path).digest == read_teacher(tmp_path / "teacher.safetensors").digest


def _count(folder):
    """Steps in the mean of the newest checkpoint: all since learning began."""
    return load_checkpoint(folder, RECIPES["sac"].model, make_env(DENSE.env_id))[1]["average"][0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"averaging_steps": -1}, "0 or more"),
        ({"sparsity": 0.9}, "only dense float policies are averaged"),
        ({"quantised": True, "quantise_end": 1.2}, "only dense float policies are averaged"),
    ],
)
def test_what_cannot_be_averaged_is_refused(changes, message):
    with pytest.raises(ProtocolError, match=message):
        check_protocol(replace(DENSE, **changes))
