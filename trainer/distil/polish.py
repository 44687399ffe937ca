"""Polishing: reinforcement learning on a finished student, in the very integers that it ships with.

Its mask and its scales of values are fixed, and the forward pass is that of the integers that are exported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ganglion.codegen.policy import Policy

from ..compression.calibration import BitWidths
from ..compression.export import export_policy
from ..environments import make_env
from ..evaluation import act_integer
from ..reinforce import Reinforced, ReinforceSettings, reinforce
from .distillation import Progress
from .relearning import layers_of


def polish(
    policy: Policy,
    bits: BitWidths,
    settings: ReinforceSettings,
    seed: int = 0,
    progress: Callable[[Progress], None] = lambda _: None,
    folder: Path | None = None,
) -> Reinforced:
    """Polish `policy`, whose weights have the `bits`; in `folder`, a run that was stopped goes on from its last block.

    Weights that are zero stay zero. Raises ReinforceError for settings that cannot work.
    """
    student = _Student(policy, bits)
    weights = sum(layer.weight.numel() for layer in student.network)

    def report(step: int, mean_return: float) -> None:
        progress(Progress(step, settings.steps, policy.nonzeros, weights, None, "polish", mean_return))

    return reinforce(student, settings, seed, report, folder)


class _Student:
    """A student as a trainee."""

    def __init__(self, policy: Policy, bits: BitWidths) -> None:
        self.env_id, self.head = policy.env_id, policy.head.kind
        self.network = _Network(layers_of(policy, bits))
        self.claim = {"student": policy.digest, "bits": asdict(bits)}

    def export(self) -> Policy:
        """The integers of the layers as they are."""
        return export_policy(self.network, self.env_id, make_env(self.env_id).action_space, self.head)

    def play(self, policy: Policy, observations: np.ndarray) -> np.ndarray:
        """By the reference interpreter."""
        return act_integer(policy)(observations)


class _Network(nn.ModuleList):
    """Layers with ReLU between them."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        for layer in self[:-1]:
            values = torch.relu(layer(values))
        return self[-1](values)
