"""What the training loop asks of an algorithm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import gymnasium
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from ganglion.codegen.policy import HeadKind

from ..compression.callback import Parts
from ..protocol import Protocol


class Recipe(ABC):
    """An algorithm of Stable-Baselines3 with its protocol; stateless."""

    protocol: ClassVar[type[Protocol]]
    model: ClassVar[type[OffPolicyAlgorithm]]
    action_space: ClassVar[type[gymnasium.Space]]
    head: ClassVar[HeadKind]
    presets: ClassVar[dict[str, dict]]

    def preset(self, name: str, env_id: str, **changes) -> Protocol:
        """The protocol of that name for an environment, with changes."""
        return self.protocol(env_id, **{**self.presets[name], **changes})

    @abstractmethod
    def new_model(self, protocol: Protocol, env: gymnasium.Env) -> OffPolicyAlgorithm:
        """An untrained model."""

    @abstractmethod
    def parts(self, model: OffPolicyAlgorithm) -> Parts:
        """The model's layers, made sparse in place."""
