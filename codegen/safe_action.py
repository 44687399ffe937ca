"""The action that stands in for the policy's when there is no sound observation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arithmetic import affine
from .policy import Policy, PolicyError

_LOW, _HIGH = -32768, 32767


def safe_action(policy: Policy, wanted: Sequence[int] = ()) -> tuple[int, ...]:
    """Codes of the safe action, one for each action: `wanted`, or by default those whose action is nearest to zero
    where the action space holds it, the midpoint (code 0) where not, and index 0 for discrete actions. PolicyError when
    `wanted` are no action codes of `policy`."""
    if not wanted:
        return _default(policy)
    high = policy.layers[-1].rows - 1 if policy.head.kind == "argmax" else _HIGH
    low = 0 if policy.head.kind == "argmax" else _LOW
    if len(wanted) != policy.actions or not all(low <= code <= high for code in wanted):
        raise PolicyError(
            f"safe action {list(wanted)}: the policy of {policy.env_id} takes {policy.actions} codes "
            f"from {low} to {high}"
        )
    return tuple(wanted)


def _default(policy: Policy) -> tuple[int, ...]:
    if policy.head.kind == "argmax":
        return (0,)
    gain, offset = policy.head.gain.astype(np.float64), policy.head.offset.astype(np.float64)
    code = np.round(np.divide(-offset, gain, out=np.zeros_like(gain), where=gain != 0))
    held = (code >= _LOW) & (code <= _HIGH)
    return tuple(int(c) for c in np.where(held, code, 0))


def safe_values(policy: Policy, codes: Sequence[int]) -> list[float]:
    """The action of `codes` in the units of the environment; the index itself for discrete actions."""
    if policy.head.kind == "argmax":
        return [float(code) for code in codes]
    return affine(np.array(codes, np.int16), policy.head.gain, policy.head.offset).tolist()
