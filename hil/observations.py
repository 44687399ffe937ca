"""Observations that look for trouble: random ones, corners of float32, and ties of the rounding rule."""

from __future__ import annotations

import numpy as np

from ganglion.codegen.policy import Policy

_CORNERS = np.array(
    [
        *(np.nan, np.inf, -np.inf, np.finfo(np.float32).max, np.finfo(np.float32).min, 3e38, -3e38, 1e6, -1e6),
        *(0.0, -0.0, np.finfo(np.float32).tiny, 1e-42, -1e-42, np.finfo(np.float32).smallest_subnormal),
    ],
    dtype=np.float32,
)
_CORNER_SHARE = 0.02
_TIE_SHARE = 0.05


def corner_observations(policy: Policy, count: int, seed: int = 0) -> np.ndarray:
    """Float32 observations of shape (count, features), the same for the same arguments.

    The first ones hold one corner value in every feature (NaN, infinities, huge, denormal, signed zero). The rest is
    normal, spread over several scales of the codes, with corners in 2 % and exact ties between two codes in 5 % of
    the values.
    """
    rng = np.random.default_rng(seed)
    shape = (count, policy.features)
    gain = np.where(policy.observation.gain == 0, np.float32(1), policy.observation.gain)
    reach = policy.observation.code_range[1] / np.abs(gain)
    scale = rng.choice([0.1, 0.5, 2.0], size=(count, 1))
    result = (rng.normal(size=shape) * scale * reach).astype(np.float32)
    _sprinkle(result, rng, _TIE_SHARE, _ties(policy, gain, shape, rng))
    _sprinkle(result, rng, _CORNER_SHARE, rng.choice(_CORNERS, shape))
    uniform = _CORNERS[:count]
    result[: len(uniform)] = uniform[:, None]
    return result


def _ties(policy: Policy, gain: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    low, high = policy.observation.code_range
    codes = rng.integers(low, high, shape, endpoint=True)
    with np.errstate(over="ignore"):
        return ((codes - policy.observation.offset.astype(np.float64)) / gain).astype(np.float32)


def _sprinkle(result: np.ndarray, rng: np.random.Generator, share: float, values: np.ndarray) -> None:
    chosen = rng.random(result.shape) < share
    result[chosen] = values[chosen]
