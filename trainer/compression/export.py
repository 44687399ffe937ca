"""From trained layers to the compiler's policy: the integers that the layers already compute with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import gymnasium
import numpy as np
import torch

from ganglion.codegen import actor
from ganglion.codegen.policy import HEAD_EXPONENTS, Head, HeadKind, Linear, ObservationMap, Policy, check_policy

from .layers import SparseLayer, SparseLinear


class ExportError(ValueError):
    """Layers that cannot be written as an integer policy."""


def export_policy(layers: Sequence[SparseLayer], env_id: str, space: gymnasium.Space, head: HeadKind) -> Policy:
    """The policy that `layers` (calibrated, last one the head) compute, for actions in `space`; its digest is set.

    ExportError for layers that still compute in float or are convolutions, which the compiler does not know yet.
    """
    check_exportable(layers)
    if any(layer.quantiser is None for layer in layers):
        raise ExportError("the layers compute in float; calibrate them before they are exported")
    observation = layers[0].quantiser.observation
    policy = Policy(
        env_id=env_id,
        digest="",
        observation=ObservationMap(observation.gain.numpy(), observation.offset.numpy(), observation.bits),
        layers=(
            *(_linear(index, layer) for index, layer in enumerate(layers[:-1])),
            _linear(len(layers) - 1, layers[-1], _excess(layers[-1], head)),
        ),
        head=_head(space, head),
    )
    check_policy(policy)
    return replace(policy, digest=actor.digest(policy))


def check_exportable(layers: Sequence[SparseLayer]) -> None:
    """Raise ExportError unless every layer is one that the compiler knows."""
    for index, layer in enumerate(layers):
        if not isinstance(layer, SparseLinear):
            raise ExportError(
                f"layer {index} is a convolution: convolutional actors are not compiled yet; they can be trained, "
                "pruned, quantised and kept as checkpoints"
            )


def _linear(index: int, layer: SparseLinear, finer: int = 0) -> Linear:
    """The layer in integers; `finer` takes so much from the exponents of weights and outputs, but not of inputs."""
    weights, bias, exponents = layer.codes()
    if not bool(torch.isfinite(weights).all() and torch.isfinite(bias).all()):
        raise ExportError(
            f"layer {index} has weights or biases that are not finite; training diverged, lower learning_rate"
        )
    quantiser = layer.quantiser
    return Linear(
        weights=weights.numpy().astype(np.int8),
        bias=bias.numpy().astype(np.int32),
        weight_exponents=exponents.numpy().astype(np.int64) - finer,
        input_exponent=quantiser.input_exponent,
        output_exponent=quantiser.output_exponent - finer,
        output_bits=quantiser.output_bits,
        relu=quantiser.relu,
    )


def _excess(layer: SparseLinear, head: HeadKind) -> int:
    """How far an argmax's input exponent lies outside what docs/numerics.md allows: its unit is of no consequence."""
    exponent = layer.quantiser.output_exponent
    return exponent - min(max(exponent, HEAD_EXPONENTS[0]), HEAD_EXPONENTS[-1]) if head == "argmax" else 0


def _head(space: gymnasium.Space, kind: HeadKind) -> Head:
    if kind == "argmax":
        return Head(kind, np.zeros(0, np.float32), np.zeros(0, np.float32))
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    unit = 2.0**-15
    return Head(kind, ((high - low) / 2 * unit).astype(np.float32), ((high + low) / 2).astype(np.float32))
