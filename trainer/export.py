"""From trained layers to the compiler's policy: the integers that the layers already compute with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import gymnasium
import numpy as np
import torch

from ganglion.codegen import actor
from ganglion.codegen.policy import Head, HeadKind, Linear, ObservationMap, Policy, check_policy

from .layers import SparseLinear


class ExportError(ValueError):
    """Layers that cannot be written as an integer policy."""


def export_policy(layers: Sequence[SparseLinear], env_id: str, space: gymnasium.spaces.Box, head: HeadKind) -> Policy:
    """The policy that `layers` (calibrated, last one the head) compute, for actions in `space`; its digest is set."""
    if any(layer.quantiser is None for layer in layers):
        raise ExportError("the layers compute in float; calibrate them before they are exported")
    observation = layers[0].quantiser.observation
    policy = Policy(
        env_id=env_id,
        digest="",
        observation=ObservationMap(observation.gain.numpy(), observation.offset.numpy(), observation.bits),
        layers=tuple(_linear(index, layer) for index, layer in enumerate(layers)),
        head=_head(space, head),
    )
    check_policy(policy)
    return replace(policy, digest=actor.digest(policy))


def _linear(index: int, layer: SparseLinear) -> Linear:
    weights, bias, exponents = layer.codes()
    if not bool(torch.isfinite(weights).all() and torch.isfinite(bias).all()):
        raise ExportError(f"layer {index} has weights or biases that are not finite; training diverged")
    quantiser = layer.quantiser
    return Linear(
        weights=weights.numpy().astype(np.int8),
        bias=bias.numpy().astype(np.int32),
        weight_exponents=exponents.numpy().astype(np.int64),
        input_exponent=quantiser.input_exponent,
        output_exponent=quantiser.output_exponent,
        output_bits=quantiser.output_bits,
        relu=quantiser.relu,
    )


def _head(space: gymnasium.spaces.Box, kind: HeadKind) -> Head:
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    unit = 2.0**-15
    return Head(kind, ((high - low) / 2 * unit).astype(np.float32), ((high + low) / 2).astype(np.float32))
