"""Harden a teacher: train it on with noise on its actions that stays, so that errors cost it less.

Proximal policy optimisation learns its own noise and shrinks it: a policy that was trained so to the end may fall at
errors as small as a student's. Here the noise keeps its deviation (docs/distillation.md: what that gave).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import gymnasium
import numpy as np
import torch
from torch import nn

from .critics import CRITICS_DISCOUNT, DEFAULTS, CriticSettings, fit_critics
from .distil.verdict import check_environment
from .environment_checks import check_env
from .evaluation import evaluate_together, summarise
from .progress import FINAL_EPISODES, FINAL_SEED
from .reinforce import ReinforceSettings, check_settings, reinforce
from .storage import snapshot
from .storage.folder import FolderError, claim
from .storage.names import PROTOCOL
from .storage.provenance import provenance
from .teacher import Teacher, read_teacher, save_teacher


@dataclass(frozen=True)
class HardenSettings(ReinforceSettings):
    """As for a student, but half of the measurements are noisy."""

    steps: int = 1_000_000
    evaluation_episodes: int = 10
    measures_noise: bool = True


def harden(
    teacher: Teacher,
    settings: HardenSettings,
    folder: Path,
    seed: int = 0,
    report: Callable[[int, float], None] = lambda step, mean_return: None,
    critics: CriticSettings = DEFAULTS,
) -> Teacher:
    """The best policy of the run, `teacher` included, with critics of its own; in `folder` as `teacher.safetensors`.

    A run that was stopped goes on from its last block and ends in the same teacher. Raises ReinforceError for settings
    that cannot work, FolderError for a folder of another run, DistilError for an environment that does not fit,
    UnsuitableEnvironmentError for one without bounded continuous actions.
    """
    check_settings(settings, seed)
    check_env(teacher.env_id, gymnasium.spaces.Box)
    check_environment(teacher)
    path = folder / "teacher.safetensors"
    if path.exists() and not (folder / PROTOCOL).exists():
        raise FolderError(f"{path} was not made by hardening; choose another folder")
    claim(folder, _describe(teacher, seed, settings))
    if not path.exists():
        found = reinforce(_Dense(teacher), settings, seed, report, folder)
        best: Teacher = found.policy
        about = _about(teacher, best, found.about, provenance(settings, seed, found.steps))
        made = fit_critics(best, min(settings.gamma, CRITICS_DISCOUNT), seed, critics)
        save_teacher(path, replace(best, critics=made, about=about))
        snapshot.discard(folder)
    return read_teacher(path)


def _describe(teacher: Teacher, seed: int, settings: HardenSettings) -> dict:
    """Plain values that decide which teacher comes out."""
    about = {"algorithm": "harden", "teacher": teacher.digest, "env_id": teacher.env_id, "seed": seed}
    return about | {"settings": asdict(settings)}


def _about(teacher: Teacher, best: Teacher, found: dict, made: dict) -> dict:
    """What the file tells: how it was made, of whom, and what it returns in episodes that did not choose it."""
    before = {name: teacher.about[name] for name in ("algorithm", "provenance", "returns") if name in teacher.about}
    returns = evaluate_together(best.play, best.env_id, FINAL_EPISODES, FINAL_SEED)
    return {
        "algorithm": "ppo",
        "action_bounds": [teacher.action_space.low.tolist(), teacher.action_space.high.tolist()],
        "provenance": made | {"harden": found, "teacher": {"digest": teacher.digest, **before}},
        "returns": {"float": summarise(returns, FINAL_SEED)},
    }


class _Dense:
    """A teacher as a trainee."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher = replace(teacher, actor=deepcopy(teacher.actor).requires_grad_(True), critics=())
        self.env_id, self.head = teacher.env_id, teacher.squash
        self.network = _Network(self.teacher)
        self.claim = {"teacher": teacher.digest, "env_id": teacher.env_id}

    def export(self) -> Teacher:
        """A copy that learns no more."""
        return replace(self.teacher, actor=deepcopy(self.teacher.actor).requires_grad_(False))

    def play(self, policy: Teacher, observations: np.ndarray) -> np.ndarray:
        """In the environment's units."""
        return policy.play(observations)


class _Network(nn.Module):
    """The actor behind the teacher's normaliser."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.actor = teacher.actor
        self.see = teacher.see

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self.actor(self.see(observations))
