"""What cannot be trained, and why: named before anything is written."""

from __future__ import annotations

import math
import os
from dataclasses import fields, replace
from typing import Literal, get_args, get_origin, get_type_hints

from gymnasium import spaces

from .compression.calibration import BitWidths
from .compression.pruning import Shape, allocate
from .environments import atari_id, check_env, make_env
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
_SCALAR_BYTES = 12  # reward, end and time limit of a transition, float32 each
_MEMORY_SHARE = 0.9


def check_run(protocol: Protocol) -> None:
    """Raise ProtocolError or UnsuitableEnvironmentError for what cannot be trained here; no file is touched."""
    recipe = recipe_for(protocol)
    check_protocol(protocol)
    check_env(protocol.env_id, recipe.action_space)
    env = make_env(protocol.env_id)
    check_memory(protocol, env.observation_space, env.action_space)
    parts = recipe.parts(recipe.new_model(replace(protocol, buffer_size=1), env))
    check_live(protocol, [tuple(layer.weight.shape) for layer in parts.layers])


def check_protocol(protocol: Protocol) -> None:
    """Raise ProtocolError for the first value that is not allowed."""
    _check_choices(protocol)
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


def check_memory(protocol: Protocol, observations: spaces.Box, actions: spaces.Space) -> None:
    """Raise ProtocolError where the replay buffer would not fit into this machine's memory."""
    stack = math.prod(observations.shape) * observations.dtype.itemsize
    seen = stack // observations.shape[0] if atari_id(protocol.env_id) else 2 * stack
    transition = seen + math.prod(actions.shape or (2,)) * 4 + _SCALAR_BYTES
    needed = min(protocol.buffer_size, protocol.total_steps) * transition
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    fitting = int(_MEMORY_SHARE * memory) // transition
    if needed > _MEMORY_SHARE * memory:
        raise ProtocolError(
            f"a replay buffer of buffer_size {protocol.buffer_size:,} takes {needed / 1e9:.1f} GB, this machine has "
            f"{memory / 1e9:.1f}; at most buffer_size={fitting} fits (--set buffer_size=...)"
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
