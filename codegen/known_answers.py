"""Observations with known answers: what an artefact must reproduce before it may move anything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from .arithmetic import quantise
from .policy import Policy
from .reference import infer


@dataclass(frozen=True, eq=False)
class KnownAnswers:
    """`observations` float32 (n, features), their observation `codes` int16 (n, features), the `actions`
    int16 (n, actions) and `status` uint8 (n,) of the oracle."""

    observations: np.ndarray
    codes: np.ndarray
    actions: np.ndarray
    status: np.ndarray


def known_answers(policy: Policy, count: int) -> KnownAnswers:
    """Answers to `count` observations that depend on the digest alone, never on a random generator's version.

    Their codes are spread over the whole range; every second observation has some features that are not
    finite (NaN, +infinity and -infinity in turn), so that this path is tested too.
    """
    observation = policy.observation
    codes = _spread(policy.digest, (count, policy.features), observation.bits)
    gain = np.where(observation.gain == 0, np.float32(1), observation.gain)
    with np.errstate(over="ignore"):
        values = ((codes + 0.5 - observation.offset) / gain).astype(np.float32)
    values[~np.isfinite(values)] = 0
    for row in range(1, count, 2):
        kind = (np.nan, np.inf, -np.inf)[row // 2 % 3]
        values[row, row // 2 % policy.features :: 5] = kind
    result = infer(policy, values)
    seen, _ = quantise(values, observation.gain, observation.offset, observation.bits)
    return KnownAnswers(values, seen.astype(np.int16), result.codes, result.status)


def _spread(digest: str, shape: tuple[int, int], bits: int) -> np.ndarray:
    """Uniform codes from SHAKE-256 of the digest."""
    raw = hashlib.shake_256(digest.encode()).digest(2 * shape[0] * shape[1])
    return (np.frombuffer(raw, "<i2").astype(np.int64) >> (16 - bits)).reshape(shape)
