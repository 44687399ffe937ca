"""What the teacher does in a state, and how much each action matters there."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..teacher import SquashKind, Teacher, squash
from .settings import Settings


@dataclass(frozen=True, eq=False)
class Labels:
    """For n observations, float32 (n, actions) each: what the student's means should be, actions in [-1, 1], weights of
    their errors."""

    means: torch.Tensor
    actions: torch.Tensor
    weights: torch.Tensor


def student_head(teacher: Teacher, settings: Settings) -> SquashKind:
    """How the student's means become actions."""
    return teacher.squash if settings.head == "teacher" else settings.head


class Labeller:
    """Labels observations with a teacher's actions; its critics, where there are any, weigh them.

    The weight of an action is 1 - c + c * min(limit, drop / mean drop), where drop is what the smaller critic loses
    when the action is moved by `curvature_step` to either side; the mean is taken over the first observations labelled.
    Means are limited, as beyond some size they change no action.
    """

    def __init__(self, teacher: Teacher, settings: Settings, mean_drop: float | None = None) -> None:
        self.teacher, self.settings, self.mean_drop = teacher, settings, mean_drop

    @torch.no_grad()
    def __call__(self, observations: torch.Tensor) -> Labels:
        """Labels of float32 observations (n, features)."""
        means = self.teacher.means(observations)
        actions = squash(self.teacher.squash, means)
        return Labels(self._translate(means, actions), actions, self._weights(observations, actions))

    def _translate(self, means: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        head = student_head(self.teacher, self.settings)
        limit = self.settings.mean_limit if head == "tanh" else self.settings.clip_limit
        if head != self.teacher.squash:
            means = actions if head == "clip" else torch.atanh(actions)
        return means.clamp(-limit, limit)

    def _weights(self, observations: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        if not self.teacher.critics or self.settings.curvature_share == 0:
            return torch.ones_like(actions)
        drops = self._drops(observations, actions)
        if self.mean_drop is None:
            self.mean_drop = max(float(drops.mean()), 1e-12)
        share = self.settings.curvature_share
        return 1 - share + share * (drops / self.mean_drop).clamp_max(self.settings.curvature_limit)

    def _drops(self, observations: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        best, drops = self._value(observations, actions), torch.zeros_like(actions)
        for index in range(actions.shape[1]):
            for step in (-self.settings.curvature_step, self.settings.curvature_step):
                moved = actions.clone()
                moved[:, index] = (moved[:, index] + step).clamp(-1, 1)
                drops[:, index] += (best - self._value(observations, moved)).clamp_min(0) / 2
        return drops

    def _value(self, observations: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        inputs = torch.cat([self.teacher.see(observations), actions], dim=1)
        return torch.stack([critic(inputs)[:, 0] for critic in self.teacher.critics]).amin(dim=0)
