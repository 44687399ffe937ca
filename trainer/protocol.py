"""When to train, prune and round how much: what the protocols of all algorithms have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from .calibration import BitWidths
from .patterns import Pattern
from .pruning import Allocation, CubicSchedule, Shape, allocate


class ProtocolError(ValueError):
    """A hyperparameter outside what is allowed; the message says which and what is."""


@dataclass(frozen=True)
class Protocol:
    """Reinforcement learning with gradual pruning and integer training.

    The schedule is that of Ivanov et al. (Sci Rep 15, 9718, 2025): dense up to `prune_start` * steps, cubic magnitude
    pruning up to `prune_end` * steps, fixed mask up to `steps`, then quantised up to `quantise_end` * steps. Sparsity 0
    means no pruning. Without `quantised` the run is as long and stays in float: the baseline of equal training.
    With `averaging_steps` the policy that is measured and written is the mean of the weights over about so many last
    steps: for dense float policies only.
    Defaults are the paper's for soft actor-critic; trainer/recipes has one file per algorithm with all that differs.
    """

    algorithm: ClassVar[str]

    env_id: str
    seed: int = 0
    steps: int = 1_000_000
    sparsity: float = 0.0
    allocation: Allocation = "paper"
    pattern: Pattern = "unstructured"
    prune_start: float = 0.2
    prune_end: float = 0.8
    prune_events: int = 600
    quantised: bool = True
    quantise_end: float = 1.2
    bits: BitWidths = BitWidths()
    calibration_observations: int = 16_384
    widths: tuple[int, ...] = (256, 256)
    learning_rate: float = 3e-4
    weight_decay: float = 1e-4
    batch_size: int = 256
    gamma: float = 0.99
    tau: float = 0.005
    train_freq: int = 1
    gradient_steps: int = 1
    learning_starts: int = 10_000
    buffer_size: int = 1_000_000
    evaluate_every: int = 10_000
    evaluation_episodes: int = 20
    checkpoint_every: int = 20_000
    averaging_steps: int = 0

    @property
    def total_steps(self) -> int:
        """Environment steps of the whole run, quantised training included."""
        return round(self.steps * max(1.0, self.quantise_end))

    @property
    def schedule(self) -> CubicSchedule:
        """When to prune how much."""
        return CubicSchedule(
            self.sparsity, round(self.prune_start * self.steps), round(self.prune_end * self.steps), self.prune_events
        )

    @property
    def quantises(self) -> bool:
        """Whether the run ends with integer training."""
        return self.quantised and self.quantise_end > 1.0

    @property
    def final_from(self) -> int:
        """The first step from which the policy has the form in which it ends: mask fixed, integers if any."""
        if self.quantises:
            return self.steps
        return self.schedule.end if self.sparsity else 0


_POSITIVE = (
    "steps", "prune_events", "calibration_observations", "learning_rate", "batch_size", "tau", "train_freq",
    "gradient_steps", "buffer_size", "evaluate_every", "evaluation_episodes", "checkpoint_every",
)  # fmt: skip


def check_protocol(protocol: Protocol) -> None:
    """Raise ProtocolError for the first value that is not allowed."""
    if not 0.0 <= protocol.sparsity < 1.0:
        raise ProtocolError(f"sparsity is {protocol.sparsity}; allowed: 0 up to, but not including, 1")
    for name in _POSITIVE:
        if not getattr(protocol, name) > 0 or not math.isfinite(getattr(protocol, name)):
            raise ProtocolError(f"{name} is {getattr(protocol, name)}; it must be above 0 and finite")
    if not 0.0 <= protocol.gamma <= 1.0:
        raise ProtocolError(f"gamma is {protocol.gamma}; allowed: 0 to 1")
    if not all(width > 0 for width in protocol.widths):
        raise ProtocolError(f"widths are {protocol.widths}; every hidden layer needs at least one neuron")
    _check_averaging(protocol)
    _check_schedule(protocol)
    _check_bits(protocol.bits)


def _check_averaging(protocol: Protocol) -> None:
    if protocol.averaging_steps < 0:
        raise ProtocolError(f"averaging_steps is {protocol.averaging_steps}; 0 or more is needed")
    if protocol.averaging_steps and (protocol.sparsity or protocol.quantises):
        raise ProtocolError(
            f"averaging_steps is {protocol.averaging_steps}, but only dense float policies are averaged: masks and "
            "rounding would not hold for the mean; leave it at 0, or train with --sparsity 0 --no-quantised"
        )


def _check_schedule(protocol: Protocol) -> None:
    if not 0.0 <= protocol.prune_start < protocol.prune_end <= 1.0:
        raise ProtocolError(
            f"pruning runs from {protocol.prune_start} to {protocol.prune_end} of the steps; "
            "needed: 0 <= prune_start < prune_end <= 1"
        )
    if protocol.sparsity and protocol.schedule.interval < 1:
        span = protocol.schedule.end - protocol.schedule.start
        raise ProtocolError(f"{protocol.prune_events} pruning events do not fit into {span} steps; use at most {span}")
    if protocol.learning_starts >= protocol.total_steps:
        raise ProtocolError(
            f"learning starts at step {protocol.learning_starts}, the run has {protocol.total_steps}; train for longer"
        )


def _check_bits(bits: BitWidths) -> None:
    if not 2 <= bits.weights <= 8:
        raise ProtocolError(f"weights have {bits.weights} bits; allowed: 2 to 8")
    for name in ("activations", "observations"):
        if getattr(bits, name) not in (8, 16):
            raise ProtocolError(f"{name} have {getattr(bits, name)} bits; allowed: 8, 16")


def check_live(protocol: Protocol, shapes: list[Shape]) -> None:
    """Raise ProtocolError where pruning would leave a layer, weights of these shapes, without a weight, or where the
    pattern is not for them."""
    if protocol.pattern == "neurons" and any(len(shape) > 2 for shape in shapes):
        raise ProtocolError("whole neurons are cut from perceptrons only, this network has convolutions; use pairs")
    if not protocol.sparsity or protocol.allocation == "global" or protocol.pattern == "neurons":
        return
    unit = 2 if protocol.pattern == "pairs" else 1
    for index, (shape, share) in enumerate(
        zip(shapes, allocate(shapes, protocol.sparsity, protocol.allocation), strict=True)
    ):
        kept = math.prod(shape) - round(share * math.prod(shape))
        if kept < min(unit, math.prod(shape)):
            raise ProtocolError(
                f"sparsity {protocol.sparsity} leaves {kept} of the {math.prod(shape):,} weights of layer {index} "
                f"{shape}, whose rows would all be dead and the policy constant; ask for less, use wider layers, or "
                "another allocation (uniform, erk, global)"
            )
