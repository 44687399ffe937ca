"""A policy cut into parts: consecutive layers, each part with a kernel of its own.

A part is to its kernel what a whole policy is, but for two things: the codes that come into a later part are the
unsigned activations of the part before it, and an earlier part ends in activations instead of output codes. Between
two parts lies a buffer with those activations, each as wide as its code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .bounds import LayerBounds, prove_bounds
from .policy import Linear, ObservationMap, Policy

_NOTATION = re.compile(r"([a-z][a-z0-9-]*):([1-9][0-9]?)")


class PartsError(ValueError):
    """Parts that do not make up a policy, or that a kernel cannot do; says what is allowed."""


@dataclass(frozen=True)
class Part:
    """Layers `first` to `end` - 1 with the kernel called `kernel`."""

    kernel: str
    first: int
    end: int


@dataclass(frozen=True, eq=False)
class HiddenCodes(ObservationMap):
    """What comes into a later part: unsigned codes of `bits`, none above `highest`. Nothing maps floats to them."""

    highest: int = 0

    @property
    def code_range(self) -> tuple[int, int]:
        """Smallest and largest code."""
        return 0, self.highest


def is_mix(kernel: str) -> bool:
    """Whether `kernel` is written as parts, such as "lanes:1,rows:2", not as the name of one kernel."""
    return ":" in kernel or "," in kernel


def parse_parts(text: str) -> tuple[Part, ...]:
    """Parts from their notation, kernel:layers for each, such as "lanes:1,rows:2"; PartsError when it is another."""
    parts: list[Part] = []
    for word in text.split(","):
        match = _NOTATION.fullmatch(word)
        if not match:
            raise PartsError(f"{word!r} in {text!r} is no part; write kernel:layers for each, such as lanes:1,rows:2")
        first = parts[-1].end if parts else 0
        parts.append(Part(match[1], first, first + int(match[2])))
    return tuple(parts)


def notation(parts: Sequence[Part]) -> str:
    """The inverse of `parse_parts`."""
    return ",".join(f"{part.kernel}:{part.end - part.first}" for part in parts)


def check_parts(parts: Sequence[Part], policy: Policy) -> None:
    """Raise PartsError unless `parts` are all layers of a simplified policy, each with rows left."""
    layers = len(policy.layers)
    if parts[-1].end != layers:
        raise PartsError(f"{notation(parts)} are {parts[-1].end} layers, the policy has {layers}")
    empty = [index for index, layer in enumerate(policy.layers) if not layer.rows]
    if empty:
        raise PartsError(f"layer {empty[0]} has no neuron left, so there is nothing to cut into parts; use one kernel")


def reorder(policy: Policy, index: int, order: np.ndarray) -> Policy:
    """The same policy with the rows of hidden layer `index` in `order`."""
    layers, layer = list(policy.layers), policy.layers[index]
    layers[index] = replace(
        layer, weights=layer.weights[order], bias=layer.bias[order], weight_exponents=layer.weight_exponents[order]
    )
    reader = layers[index + 1]
    layers[index + 1] = replace(reader, weights=np.ascontiguousarray(reader.weights[:, order]))
    return replace(policy, layers=tuple(layers))


def cut(policy: Policy, first: int, end: int) -> tuple[Policy, tuple[LayerBounds, ...]]:
    """Layers `first` to `end` - 1 as a policy of their own, and their bounds within the whole."""
    bounds = prove_bounds(policy)
    inputs = policy.observation
    if first:
        before = policy.layers[first - 1]
        inputs = HiddenCodes(
            gain=np.ones(before.rows, np.float32),
            offset=np.zeros(before.rows, np.float32),
            bits=before.output_bits,
            highest=int(bounds[first - 1].output.high.max()),
        )
    return replace(policy, observation=inputs, layers=policy.layers[first:end]), bounds[first:end]


def output_type(layer: Linear) -> str:
    """The C type of a layer's codes."""
    return f"{'u' if layer.relu else ''}int{layer.output_bits}_t"
