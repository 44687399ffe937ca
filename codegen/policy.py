"""The policy as the compiler sees it: integers, exponents and two affine maps (docs/numerics.md).

Everything here is immutable data. `reference.py` gives it its meaning, `passes.py` rewrites it,
the emitters print it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

HeadKind = Literal["tanh", "clip", "argmax"]

ACCUMULATOR_BITS = 32
HEAD_BITS = 16
MAX_SHIFT = 30
HEAD_EXPONENTS = range(-12, -3)
WEIGHT_EXPONENTS = range(-128, 128)
MAX_WIDTH = (1 << 16) - 1
MAX_CHOICES = (1 << 15) - 1


class PolicyError(ValueError):
    """A policy that breaks docs/numerics.md; the message says what, where and what is allowed."""


@dataclass(frozen=True, eq=False)
class ObservationMap:
    """Float observations to integer codes: q = saturate(floor(x * gain + offset)).

    `gain` and `offset` are float32 of shape (features,), the rounding half already in `offset`;
    `bits` is 8 or 16. Code q stands for the real value q * 2**exponent.
    """

    gain: np.ndarray
    offset: np.ndarray
    bits: int

    @property
    def exponent(self) -> int:
        """Exponent of a code: codes span [-1, 1)."""
        return 1 - self.bits

    @property
    def code_range(self) -> tuple[int, int]:
        """Smallest and largest code."""
        return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1


@dataclass(frozen=True, eq=False)
class Linear:
    """A sparse integer layer: accumulate, shift, saturate.

    `weights` is int8 (int16 for wide weights) of shape (rows, columns), zeros included; `bias` is int32
    of shape (rows,); `weight_exponents` is int of shape (rows,). Hidden layers saturate to
    unsigned `output_bits` (ReLU), the last layer to signed 16 bits.
    """

    weights: np.ndarray
    bias: np.ndarray
    weight_exponents: np.ndarray
    input_exponent: int
    output_exponent: int
    output_bits: int
    relu: bool

    @property
    def shifts(self) -> np.ndarray:
        """Right shift of each row's accumulator, shape (rows,)."""
        return self.output_exponent - self.input_exponent - self.weight_exponents

    @property
    def output_range(self) -> tuple[int, int]:
        """Smallest and largest output code."""
        if self.relu:
            return 0, (1 << self.output_bits) - 1
        return -(1 << (self.output_bits - 1)), (1 << (self.output_bits - 1)) - 1

    @cached_property
    def transposed(self) -> np.ndarray:
        """Weights as float64 of shape (columns, rows): exact, since sums of integers stay far below 2**53."""
        return np.ascontiguousarray(self.weights.T, dtype=np.float64)

    @property
    def rows(self) -> int:
        """Number of outputs."""
        return self.weights.shape[0]

    @property
    def columns(self) -> int:
        """Number of inputs."""
        return self.weights.shape[1]

    @property
    def nonzeros(self) -> int:
        """Number of weights that are not zero."""
        return int(np.count_nonzero(self.weights))


@dataclass(frozen=True, eq=False)
class Head:
    """From the last layer's codes to actions.

    `tanh` and `clip` give int16 codes in units of 2**-15 and float32 actions code * gain + offset,
    both arrays of shape (actions,); `argmax` gives the index of the first maximum and has empty maps.
    """

    kind: HeadKind
    gain: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True, eq=False)
class Policy:
    """An actor ready to be compiled. `digest` is the actor file's and names every artefact."""

    env_id: str
    digest: str
    observation: ObservationMap
    layers: tuple[Linear, ...]
    head: Head

    @property
    def features(self) -> int:
        """Length of an observation."""
        return len(self.observation.gain)

    @property
    def actions(self) -> int:
        """Length of an action: 1 for argmax."""
        return 1 if self.head.kind == "argmax" else self.layers[-1].rows

    @property
    def nonzeros(self) -> int:
        """Number of weights that are not zero, all layers."""
        return sum(layer.nonzeros for layer in self.layers)

    @property
    def weight_bits(self) -> int:
        """Bits of the narrowest symmetric integer, +-(2**(bits - 1) - 1), that holds every weight; at least 2."""
        largest = max(int(np.abs(layer.weights.astype(np.int64)).max(initial=1)) for layer in self.layers)
        return largest.bit_length() + 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Widths from observation to output, such as (11, 256, 256, 3)."""
        return (self.features, *(layer.rows for layer in self.layers))


def check_policy(policy: Policy) -> None:
    """Raise PolicyError naming the first rule of docs/numerics.md that `policy` breaks."""
    for problem in _problems(policy):
        raise PolicyError(problem)


def _problems(policy: Policy) -> Iterator[str]:
    yield from _observation_problems(policy.observation)
    if not policy.layers:
        yield "the policy has no layer; at least one is needed"
    columns, exponent = policy.features, policy.observation.exponent
    for index, layer in enumerate(policy.layers):
        last = index == len(policy.layers) - 1
        for problem in _layer_problems(layer, columns, exponent, last):
            yield f"layer {index}: {problem}"
        columns, exponent = layer.rows, layer.output_exponent
    yield from _head_problems(policy)


def _observation_problems(observation: ObservationMap) -> Iterator[str]:
    if observation.bits not in (8, 16):
        yield f"observation has {observation.bits} bits; allowed: 8, 16"
    for name in ("gain", "offset"):
        values = getattr(observation, name)
        if values.dtype != np.float32 or values.ndim != 1:
            yield f"observation {name} is {values.dtype}{list(values.shape)}; a float32 vector is needed"
            return
        elif not np.isfinite(values).all():
            yield f"observation {name} of feature {int(np.flatnonzero(~np.isfinite(values))[0])} is not finite"
    if observation.gain.shape != observation.offset.shape:
        yield f"observation gain has {observation.gain.shape} values, offset {observation.offset.shape}"
    if not 1 <= len(observation.gain) <= MAX_WIDTH:
        yield f"there are {len(observation.gain)} features; allowed: 1 to {MAX_WIDTH}"


def _layer_problems(layer: Linear, columns: int, input_exponent: int, last: bool) -> Iterator[str]:
    if layer.weights.dtype not in (np.int8, np.int16) or layer.weights.ndim != 2:
        yield f"weights are {layer.weights.dtype}{list(layer.weights.shape)}; an int8 or int16 matrix is needed"
        return
    if layer.rows > MAX_WIDTH or (last and not layer.rows):
        yield f"there are {layer.rows} rows; allowed: {int(last)} to {MAX_WIDTH}"
    if layer.columns != columns:
        yield f"weights have {layer.columns} columns, but {columns} values come in"
    if layer.bias.dtype != np.int32 or layer.bias.shape != (layer.rows,):
        yield f"bias is {layer.bias.dtype}{list(layer.bias.shape)}; int32[{layer.rows}] is needed"
    exponents = layer.weight_exponents
    if exponents.shape != (layer.rows,) or not np.issubdtype(exponents.dtype, np.integer):
        yield f"weight exponents are {exponents.dtype}{list(exponents.shape)}; integers[{layer.rows}] are needed"
        return
    low, high = WEIGHT_EXPONENTS[0], WEIGHT_EXPONENTS[-1]
    outside = np.flatnonzero((exponents < low) | (exponents > high))
    if len(outside):
        yield f"row {int(outside[0])} has weight exponent {int(exponents[outside[0]])}; allowed: {low} to {high}"
    if layer.input_exponent != input_exponent:
        yield f"input exponent is {layer.input_exponent}, but values come in with {input_exponent}"
    if layer.relu == last:
        yield "hidden layers end in ReLU and the last layer does not"
    allowed_bits = (HEAD_BITS,) if last else (8, 16)
    if layer.output_bits not in allowed_bits:
        yield f"output has {layer.output_bits} bits; allowed: {', '.join(map(str, allowed_bits))}"
    wrong = np.flatnonzero((layer.shifts < 0) | (layer.shifts > MAX_SHIFT))
    if len(wrong):
        yield f"row {int(wrong[0])} is shifted right by {int(layer.shifts[wrong[0]])}; allowed: 0 to {MAX_SHIFT}"


def _head_problems(policy: Policy) -> Iterator[str]:
    head, exponent = policy.head, policy.layers[-1].output_exponent
    if head.kind not in ("tanh", "clip", "argmax"):
        yield f"head is {head.kind!r}; allowed: tanh, clip, argmax"
    if exponent not in HEAD_EXPONENTS:
        yield f"the last layer's output exponent is {exponent}; allowed: {HEAD_EXPONENTS[0]} to {HEAD_EXPONENTS[-1]}"
    if head.kind == "argmax" and policy.layers[-1].rows > MAX_CHOICES:
        yield f"argmax chooses among {policy.layers[-1].rows}; allowed: 1 to {MAX_CHOICES}"
    length = 0 if head.kind == "argmax" else policy.layers[-1].rows
    for name in ("gain", "offset"):
        values = getattr(head, name)
        if values.dtype != np.float32 or values.shape != (length,):
            yield f"action {name} is {values.dtype}{list(values.shape)}; float32[{length}] is needed"
        elif not np.isfinite(values).all():
            yield f"action {name} is not finite"
