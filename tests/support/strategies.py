"""Hypothesis strategies for policies: legal, often degenerate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from ganglion.codegen.actor import digest
from ganglion.codegen.policy import HEAD_BITS, Head, Linear, ObservationMap, Policy, check_policy

_PATTERNS = ("random", "random", "random", "empty", "single", "all -128", "full", "all 127")


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Policies of up to four layers and 300 inputs, with empty, full and extreme layers among them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features = draw(st.sampled_from((1, 2, 3, 5, 11, 256, 257, 300)))
    widths = [*draw(st.lists(st.integers(1, 12), max_size=3)), draw(st.integers(1, 4))]
    observation_bits = draw(st.sampled_from((8, 16)))
    observation = _observation_map(rng, features, observation_bits)
    exponent, largest, columns, layers = observation.exponent, 1 << (observation_bits - 1), features, []
    for index, rows in enumerate(widths):
        last = index == len(widths) - 1
        bits = HEAD_BITS if last else draw(st.sampled_from((8, 16)))
        weights = _weights(rng, rows, columns, largest, draw(st.sampled_from(_PATTERNS)), draw(st.booleans()))
        shifts = rng.integers(0, draw(st.sampled_from((1, 12, 21))), rows)
        bias = rng.integers(-(1 << 20), 1 << 20, rows) >> rng.integers(0, 21, rows)
        output_exponent = draw(st.integers(-12, -4))
        layers.append(
            Linear(
                weights,
                bias.astype(np.int32),
                output_exponent - exponent - shifts,
                exponent,
                output_exponent,
                bits,
                not last,
            )
        )
        exponent, largest, columns = output_exponent, (1 << bits) - 1, rows
    policy = Policy("Test-v0", "", observation, tuple(layers), _head(rng, draw, widths[-1]))
    policy = replace(policy, digest=digest(policy))
    check_policy(policy)
    return policy


def codes(policy: Policy, seed: int, count: int = 60) -> np.ndarray:
    """Observation codes int64 (count, features): uniform, extreme, and constant rows of both extremes and zero."""
    rng = np.random.default_rng(seed)
    low, high = policy.observation.code_range
    result = rng.integers(low, high + 1, (count, policy.features))
    result[: count // 3] = rng.choice([low, high], (count // 3, policy.features))
    result[-3:] = np.array([[low], [high], [0]])
    return result


def _observation_map(rng: np.random.Generator, features: int, bits: int) -> ObservationMap:
    gain = (rng.normal(size=features) * 2.0 ** (bits - 2)).astype(np.float32)
    gain[rng.random(features) < 0.1] = 0
    return ObservationMap(gain, rng.uniform(-3, 3, features).astype(np.float32), bits)


def _head(rng: np.random.Generator, draw: st.DrawFn, rows: int) -> Head:
    kind = draw(st.sampled_from(("tanh", "clip", "argmax")))
    length = 0 if kind == "argmax" else rows
    return Head(kind, rng.normal(size=length).astype(np.float32), rng.normal(size=length).astype(np.float32))


def _weights(rng: np.random.Generator, rows: int, columns: int, largest: int, pattern: str, wide: bool) -> np.ndarray:
    dtype = np.int16 if wide else np.int8
    limit = min(32767 if wide else 127, (1 << 29) // (columns * largest))
    weights = rng.integers(-limit, limit + 1, (rows, columns))
    if pattern == "random":
        weights = np.where(rng.random(weights.shape) < rng.choice([0.05, 0.3, 0.7]), weights, 0)
        weights[rng.random(rows) < 0.2] = 0
    elif pattern == "empty":
        weights[:] = 0
    elif pattern == "single":
        value = weights.flat[0]
        weights[:] = 0
        weights[rng.integers(rows), rng.integers(columns)] = value or 1
    elif pattern.startswith("all"):
        weights[:] = max(-limit - 1, int(pattern.split()[1])) if limit < 127 else int(pattern.split()[1])
    return weights.astype(dtype)
