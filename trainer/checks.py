"""What cannot be trained, and why: named before anything is written."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Literal, get_args, get_origin, get_type_hints

from gymnasium import spaces

from .compression.calibration import BitWidths
from .compression.pruning import Shape, allocate
from .environment_checks import check_env
from .environments import make_env
from .memory import check_memory
from .protocol import Protocol, ProtocolError
from .recipes import recipe_for

_POSITIVE = (
    "steps", "prune_events", "calibration_observations", "learning_rate", "batch_size", "tau", "train_freq",
    "gradient_steps", "buffer_size", "evaluate_every", "evaluation_episodes", "checkpoint_every",
    "target_update_interval", "adam_epsilon", "max_gradient_norm",
)  # fmt: skip
_NOT_NEGATIVE = ("seed", "weight_decay", "learning_starts")
_SHARES = ("gamma", "tau", "exploration_fraction", "exploration_final")
_SEEDS = 2**32  # what numpy's generator takes
_LARGEST = 2**53  # whole numbers up to here are exact in a float, too


def check_run(protocol: Protocol) -> None:
    """Raise ProtocolError or UnsuitableEnvironmentError for what cannot be trained here; no file is touched."""
    recipe = recipe_for(protocol)
    check_env(protocol.env_id, recipe.action_space)
    check_protocol(protocol)
    env = make_env(protocol.env_id)
    _check_network(protocol, env.observation_space)
    check_memory(protocol, env.observation_space, env.action_space)
    parts = recipe.parts(recipe.new_model(replace(protocol, buffer_size=1), env))
    check_live(protocol, [tuple(layer.weight.shape) for layer in parts.layers])


def check_protocol(protocol: Protocol) -> None:
    """Raise ProtocolError for the first value that is not allowed."""
    _check_choices(protocol)
    _check_sizes(protocol)
    if not 0.0 <= protocol.sparsity < 1.0:
        raise ProtocolError(f"sparsity is {protocol.sparsity}; allowed: 0 up to, but not including, 1")
    for name, value in _values(protocol, _POSITIVE):
        if not value > 0 or not math.isfinite(value):
            raise ProtocolError(f"{name} is {value}; it must be above 0 and finite")
    for name, value in _values(protocol, _NOT_NEGATIVE):
        if not value >= 0 or not math.isfinite(value):
            raise ProtocolError(f"{name} is {value}; it must be 0 or more and finite")
    for name, value in _values(protocol, _SHARES):
        if not 0.0 <= value <= 1.0:
            raise ProtocolError(f"{name} is {value}; allowed: 0 to 1")
    if protocol.seed >= _SEEDS:
        raise ProtocolError(f"seed is {protocol.seed}; allowed: 0 to {_SEEDS - 1}")
    if not all(width > 0 for width in protocol.widths):
        raise ProtocolError(f"widths are {protocol.widths}; every hidden layer needs at least one neuron")
    _check_averaging(protocol)
    _check_schedule(protocol)
    _check_bits(protocol.bits)


def _values(protocol: Protocol, names: tuple[str, ...]) -> list[tuple[str, float]]:
    """Those hyperparameters that the algorithm has."""
    return [(name, getattr(protocol, name)) for name in names if hasattr(protocol, name)]


def _check_choices(protocol: Protocol) -> None:
    kinds = get_type_hints(type(protocol))
    for name in (field.name for field in fields(protocol) if get_origin(kinds[field.name]) is Literal):
        allowed, value = get_args(kinds[name]), getattr(protocol, name)
        if value not in allowed:
            raise ProtocolError(f"{name} is {value!r}; allowed: {', '.join(allowed)}")


def _check_sizes(protocol: Protocol) -> None:
    for field in fields(protocol):
        value = getattr(protocol, field.name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int) and abs(number) > _LARGEST:
                raise ProtocolError(f"{field.name} has a number of {number.bit_length()} bits; allowed: up to 2**53")


def _check_network(protocol: Protocol, observations: spaces.Box) -> None:
    network = getattr(protocol, "network", "nature")
    if network != "nature" and len(observations.shape) == 1:
        raise ProtocolError(
            f"network is {network}, which is for images; {protocol.env_id} has vectors {observations.shape}, which get "
            "a perceptron: leave --preset residual and --set network out (--preset small, --set widths=...)"
        )


def _check_averaging(protocol: Protocol) -> None:
    if protocol.averaging_steps < 0:
        raise ProtocolError(f"averaging_steps is {protocol.averaging_steps}; 0 or more is needed")
    if protocol.averaging_steps and (protocol.sparsity or protocol.quantises):
        raise ProtocolError(
            f"averaging_steps is {protocol.averaging_steps}, but only dense float policies are averaged: masks and "
            "rounding would not hold for the mean; leave it at 0, or train with --sparsity 0 --no-quantised"
        )


def _check_schedule(protocol: Protocol) -> None:
    if not 1.0 <= protocol.quantise_end < math.inf or (protocol.quantised and protocol.quantise_end == 1.0):
        raise ProtocolError(
            f"quantise_end is {protocol.quantise_end}, a share of the steps that ends integer training, which begins "
            "at 1; it must be above 1, or 1 with --no-quantised"
        )
    if protocol.steps * protocol.quantise_end > _LARGEST:
        raise ProtocolError(f"quantise_end is {protocol.quantise_end:g}, which makes the run longer than 2**53 steps")
    if not 0.0 <= protocol.prune_start < protocol.prune_end <= 1.0:
        raise ProtocolError(
            f"pruning runs from {protocol.prune_start} to {protocol.prune_end} of the steps; "
            "needed: 0 <= prune_start < prune_end <= 1"
        )
    if protocol.sparsity and protocol.schedule.interval < 1:
        span = protocol.schedule.end - protocol.schedule.start
        raise ProtocolError(
            f"{protocol.prune_events} pruning events do not fit into {span} steps; allowed: at most {span} "
            f"(--set prune_events={span}), or more steps"
        )
    _check_training_begins(protocol)
    integers = protocol.total_steps - protocol.steps
    if protocol.quantises and integers < protocol.train_freq:
        raise ProtocolError(
            f"quantise_end {protocol.quantise_end:g} leaves {integers} steps for integer training, which is done every "
            f"{protocol.train_freq} (train_freq); train for more steps, raise quantise_end, or leave integers out "
            "(--no-quantised)"
        )


def _check_training_begins(protocol: Protocol) -> None:
    """Nothing may be pruned, or taken for trained, before the first training."""
    every = protocol.train_freq
    first = (protocol.learning_starts // every + 1) * every
    told = f"the first training is at step {first:,} (learning_starts {protocol.learning_starts}, train_freq {every})"
    if first > protocol.steps:
        raise ProtocolError(
            f"nothing would be trained in {protocol.steps:,} steps: {told}; train for longer (--steps), or lower both "
            "(--set learning_starts=... train_freq=...)"
        )
    latest = protocol.schedule.start if protocol.prune_start else every  # who prunes from step 0 on trains then, too
    if protocol.sparsity and first > latest:
        remedies = [f"--set learning_starts={latest // every * every - 1}"] if latest >= every else []
        remedies += [f"at least --steps {math.ceil(first / protocol.prune_start)}"] if protocol.prune_start else []
        raise ProtocolError(
            f"weights would be pruned untrained: pruning begins at step {protocol.schedule.start:,} (prune_start), "
            f"{told}; needed: {' or '.join(remedies)}"
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
    if protocol.pattern == "neurons":
        _check_neurons(protocol.sparsity, shapes)
        return
    if not protocol.sparsity or protocol.allocation == "global":
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


def _check_neurons(sparsity: float, shapes: list[Shape]) -> None:
    """Every hidden layer keeps a neuron, so that not every sparsity can be reached."""
    weights = sum(math.prod(shape) for shape in shapes)
    widths = [shapes[0][1], *(1 for _ in shapes[1:]), shapes[-1][0]]
    kept = sum(inputs * outputs for inputs, outputs in zip(widths, widths[1:], strict=False))
    if round((1 - sparsity) * weights) < kept:
        most = math.floor((1 - kept / weights) * 10_000) / 10_000
        raise ProtocolError(
            f"sparsity {sparsity} cannot be reached by whole neurons: every hidden layer keeps one, which is {kept} of "
            f"{weights:,} weights; allowed: up to {most:g}, or another pattern (unstructured, pairs)"
        )
