"""The oracle: what a policy computes, in plain numpy integers. Every target must equal it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import arithmetic
from .policy import Policy

STATUS_NONFINITE = 1


@dataclass(frozen=True, eq=False)
class Inference:
    """Results for a batch of n observations.

    `codes` int16 (n, actions): action codes, or the index for argmax; `actions` float32 (n, actions) in
    the units of the environment, or the index; `status` uint8 (n,): STATUS_NONFINITE or 0.
    """

    codes: np.ndarray
    actions: np.ndarray
    status: np.ndarray


def infer(policy: Policy, observations: np.ndarray) -> Inference:
    """Run `policy` on float observations of shape (n, features); they are rounded to float32 first."""
    with np.errstate(over="ignore"):
        observations = np.asarray(observations).astype(np.float32)
    if observations.ndim != 2 or observations.shape[1] != policy.features:
        raise ValueError(f"observations have shape {observations.shape}; (n, {policy.features}) is needed")
    observation = policy.observation
    codes, bad = arithmetic.quantise(observations, observation.gain, observation.offset, observation.bits)
    action_codes = infer_codes(policy, codes)
    if policy.head.kind == "argmax":
        actions = action_codes.astype(np.float32)
    else:
        actions = arithmetic.affine(action_codes, policy.head.gain, policy.head.offset)
    return Inference(action_codes, actions, np.where(bad.any(axis=1), STATUS_NONFINITE, 0).astype(np.uint8))


def infer_codes(policy: Policy, codes: np.ndarray) -> np.ndarray:
    """Action codes int16 (n, actions) of observation codes (n, features)."""
    values = activations(policy, codes)[-1]
    exponent = policy.layers[-1].output_exponent
    if policy.head.kind == "argmax":
        return values.argmax(axis=1, keepdims=True).astype(np.int16)
    function = arithmetic.tanh if policy.head.kind == "tanh" else arithmetic.clip
    return function(values, exponent).astype(np.int16)


def activations(policy: Policy, codes: np.ndarray) -> list[np.ndarray]:
    """Each layer's output codes, int64 (n, rows), for observation codes (n, features)."""
    values, outputs = codes.astype(np.int64), []
    for layer in policy.layers:
        accumulator = (values.astype(np.float64) @ layer.transposed).astype(np.int64) + layer.bias
        values = arithmetic.requantise(accumulator, layer.shifts, *layer.output_range)
        outputs.append(values)
    return outputs
