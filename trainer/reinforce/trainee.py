"""What reinforcement learning asks of a policy that it trains on."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from torch import nn

from ..teacher import SquashKind


class Trainee(Protocol):
    """A policy whose parameters learn. `network` maps raw observations, float32 (n, features), to outputs before the
    head, (n, actions); `claim` holds plain values that tell it from others."""

    env_id: str
    head: SquashKind
    network: nn.Module
    claim: dict

    def export(self) -> Any:
        """The policy as it is now: what is measured, what a snapshot holds, and what the run may end with."""

    def play(self, policy: Any, observations: np.ndarray) -> np.ndarray:
        """Actions (n, actions) of an exported policy, in the environment's units."""
