"""What every kernel is tried on: the quoted nets, policies at the edges, and observation codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ganglion.codegen.actor import digest
from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.policy import Linear, Policy
from ganglion.codegen.timing import instruction_sets, load_core
from tests.support.kernel_runs import TARGETS
from tests.support.nets import erk_net
from tests.support.policies import random_policy

NETS = {"n95": erk_net(sparsity=0.95), "n98": erk_net(), "e98": erk_net(hidden_bits=8), "n99": erk_net(sparsity=0.99)}
PLACES = [
    (kernel, core)
    for kernel in KERNELS
    for core in TARGETS
    if KERNELS[kernel].instruction_set in (None, *instruction_sets(load_core(core)))
]
"""Every kernel on every core that has its instructions."""


def corner_codes(policy: Policy, count: int, seed: int = 0) -> np.ndarray:
    """Observation codes int64 (count, features): the lowest, the highest, zeros, six mixtures of both ends, and
    uniform ones."""
    rng = np.random.default_rng(seed)
    low, high = policy.observation.code_range
    result = rng.integers(low, high + 1, (count, policy.features))
    result[0], result[1], result[2] = low, high, 0
    result[3:9] = rng.choice([low, high], (6, policy.features))
    return result


def edge_policies() -> dict[str, Policy]:
    """Policies at the edges of what is legal, by name."""
    return {name: replace(policy, digest=digest(policy)) for name, policy in _edges()}


def _edges() -> Iterator[tuple[str, Policy]]:
    full = random_policy(3, (11, 20, 12, 3), sparsity=0.0)
    lowest = tuple(replace(layer, weights=np.full_like(layer.weights, -128)) for layer in full.layers)
    yield "lowest", replace(full, layers=lowest)
    yield "full", full
    yield "wide codes", random_policy(4, (64, 30, 17), sparsity=0.5, hidden_bits=16, observation_bits=16)
    yield "one input", random_policy(5, (1, 300, 5), sparsity=0.3, hidden_bits=16, head="argmax")
    yield "one layer", random_policy(6, (40, 3), sparsity=0.9, head="clip")
    yield "deep", random_policy(7, (5, 16, 16, 16, 2), sparsity=0.6, hidden_bits=16)
    yield "more than a byte", random_policy(8, (300, 260, 3), sparsity=0.97)
    yield "1024 inputs", random_policy(10, (1024, 4, 2), sparsity=0.95)
    yield "40 outputs", random_policy(11, (3, 9, 40), sparsity=0.5, hidden_bits=16)
    base = random_policy(9, (6, 12, 10, 3), sparsity=0.5)
    first, middle, last = base.layers
    yield "wide weights", _with(base, replace(middle, weights=middle.weights.astype(np.int16) * 100))
    yield "empty layer", _with(base, replace(middle, weights=middle.weights * 0))
    far = middle.bias + np.int32(1 << 29) * (np.arange(10) % 2).astype(np.int32)
    yield "far biases", _with(base, replace(middle, bias=far))
    yield "mixed widths", replace(base, layers=(replace(first, output_bits=16), middle, last))
    one = np.zeros_like(middle.weights)
    one[2, 3] = 77
    yield "one weight", _with(base, replace(middle, weights=one))


def _with(base: Policy, middle: Linear) -> Policy:
    return replace(base, layers=(base.layers[0], middle, base.layers[2]))
