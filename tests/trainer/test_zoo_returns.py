"""Every actor of the zoo, as exported and as it was trained: in fake-quantised layers of torch."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ganglion.codegen import arithmetic
from ganglion.codegen.actor import read_actor
from ganglion.codegen.policy import Linear, Policy
from ganglion.trainer.compression.layers import ObservationQuantiser, Quantiser, SparseLinear
from ganglion.trainer.evaluation import Act, act_integer, evaluate_together

ZOO = Path(str(files("ganglion.zoo")))
ACTORS = sorted(path.relative_to(ZOO).as_posix() for path in ZOO.glob("*-v*/*.safetensors"))
EPISODES, FIRST_SEED = 20, 40_000


@dataclass
class _Exported(Quantiser):
    """Rounds with the exported exponents: those of rows whose codes are all 0 do not follow from the weights."""

    exponents: torch.Tensor | None = None

    def weight_exponents(self, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return self.exponents


def _fake_quantised(policy: Policy) -> list[SparseLinear]:
    """The layers that training ends with, rounding in front of every product; weights are the exported ones."""
    layers = [_layer(layer, _bits(policy, index)) for index, layer in enumerate(policy.layers)]
    gain, offset = (torch.tensor(values) for values in (policy.observation.gain, policy.observation.offset))
    layers[0].quantiser.observation = ObservationQuantiser(gain, offset, policy.observation.bits)
    return layers


def _bits(policy: Policy, index: int) -> int:
    return policy.layers[index - 1].output_bits if index else policy.observation.bits


def _layer(exported: Linear, input_bits: int) -> SparseLinear:
    layer = SparseLinear(nn.Linear(exported.columns, exported.rows))
    exponents = torch.tensor(exported.weight_exponents)
    with torch.no_grad():
        layer.weight.copy_(torch.ldexp(torch.tensor(exported.weights, dtype=torch.float32), exponents[:, None]))
        biases = torch.tensor(exported.bias, dtype=torch.float32)
        layer.bias.copy_(torch.ldexp(biases, exponents + exported.input_exponent))
        layer.mask.copy_(layer.weight != 0)
    scales = (exported.input_exponent, input_bits, exported.output_exponent, exported.output_bits)
    layer.set_quantiser(_Exported(*scales, exported.relu, exponents=exponents))
    return layer


def _act(policy: Policy, layers: list[SparseLinear]) -> Act:
    """Torch up to the last layer's sums, then the head, which training has as a formula and the device as a table."""
    exponent = policy.layers[-1].output_exponent
    head = arithmetic.tanh if policy.head.kind == "tanh" else arithmetic.clip

    @torch.no_grad()
    def act(observations: np.ndarray) -> np.ndarray:
        values = torch.from_numpy(observations)
        for layer in layers[:-1]:
            values = torch.relu(layer(values))
        codes = (layers[-1](values) * 2.0**-exponent).numpy().astype(np.int64)
        return arithmetic.affine(head(codes, exponent).astype(np.int16), policy.head.gain, policy.head.offset)

    return act


@pytest.mark.long
@pytest.mark.parametrize("name", ACTORS)
def test_fake_quantised_layers_have_the_returns_of_the_exported_actor(name):
    policy = read_actor(ZOO / name).policy
    exported = evaluate_together(act_integer(policy), policy.env_id, EPISODES, FIRST_SEED)
    trained = evaluate_together(_act(policy, _fake_quantised(policy)), policy.env_id, EPISODES, FIRST_SEED)
    assert len(exported) == EPISODES
    assert trained == exported


@pytest.mark.parametrize("name", ACTORS)
def test_fake_quantised_layers_compute_with_the_exported_integers(name):
    policy = read_actor(ZOO / name).policy
    for layer, exported in zip(_fake_quantised(policy), policy.layers, strict=True):
        weights, biases, exponents = (values.numpy() for values in layer.codes())
        assert np.array_equal(weights, exported.weights)
        assert np.array_equal(biases, exported.bias)
        assert np.array_equal(exponents, exported.weight_exponents)
