"""The student as Stable-Baselines3 sees it: a Gaussian around its actions, and a dense value function beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from ganglion.codegen.policy import HeadKind

from ...layers import SparseLinear

_NORMALISER_MOMENTUM = 0.01


class StudentPolicy(ActorCriticPolicy):
    """`student` (calibrated layers) gives the means, for actions in [-1, 1]: what comes out of a tanh head, or what
    goes into a clipped one. The value function has hidden layers of `value_widths` and normalises by itself."""

    def __init__(
        self,
        *args,
        student: Sequence[SparseLinear],
        head: HeadKind,
        deviation: float,
        value_widths: tuple[int, ...],
        **kwargs,
    ) -> None:
        self._made_of = student, head, deviation, value_widths
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule) -> None:
        student, head, deviation, value_widths = self._made_of
        self.mlp_extractor = _Networks(student, self.features_dim, value_widths)
        self.action_net = nn.Tanh() if head == "tanh" else nn.Identity()
        self.log_std = nn.Parameter(torch.full(self.action_space.shape, deviation).log())
        self.value_net = nn.Linear(value_widths[-1], 1)
        acting = [*self.mlp_extractor.student.parameters(), self.log_std]
        valuing = [*self.mlp_extractor.value.parameters(), *self.value_net.parameters()]
        self.optimizer = torch.optim.Adam([{"params": acting}, {"params": valuing}], lr=lr_schedule(1), eps=1e-5)

    def set_learning_rates(self, student: float, value: float) -> None:
        """Of the student with its noise, which with 0 stay as they are, and of the value function."""
        for group, rate in zip(self.optimizer.param_groups, (student, value), strict=True):
            group["lr"] = rate
        for parameter in self.optimizer.param_groups[0]["params"]:
            parameter.requires_grad_(student > 0)


class StudentPPO(PPO):
    """PPO that leaves the two learning rates of a StudentPolicy as they are set."""

    def _update_learning_rate(self, optimizers) -> None:
        pass


class _Networks(nn.Module):
    """Student and hidden layers of the value function, under the names that Stable-Baselines3 calls."""

    def __init__(self, student: Sequence[SparseLinear], features: int, value_widths: Sequence[int]) -> None:
        super().__init__()
        self.student = nn.ModuleList(student)
        value: list[nn.Module] = [nn.BatchNorm1d(features, affine=False, momentum=_NORMALISER_MOMENTUM)]
        for inputs, outputs in zip((features, *value_widths), value_widths, strict=False):
            value += [nn.Linear(inputs, outputs), nn.Tanh()]
        self.value = nn.Sequential(*value)

    def forward(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(observations), self.forward_critic(observations)

    def forward_actor(self, values: torch.Tensor) -> torch.Tensor:
        """Outputs before the head, float32 (n, actions), of raw observations (n, features)."""
        for layer in self.student[:-1]:
            values = torch.relu(layer(values))
        return self.student[-1](values)

    def forward_critic(self, observations: torch.Tensor) -> torch.Tensor:
        """What the value is read from, of raw observations (n, features)."""
        return self.value(observations)
