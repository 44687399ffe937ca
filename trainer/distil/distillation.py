"""The run: rollouts, updates, pruning and integer training in one loop."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ganglion.codegen.policy import Policy

from ..compression.export import export_policy
from ..storage import snapshot
from ..storage.folder import claim
from ..storage.names import SETTINGS
from ..storage.provenance import provenance
from ..teacher import Teacher
from .dataset import Dataset
from .fleet import Fleet
from .labels import Labeller
from .learner import Learner
from .settings import DistilError, Settings, check_settings
from .verdict import check_teacher

SNAPSHOT_ROUNDS = 5
CALIBRATION_OBSERVATIONS = 16_384
PRUNING_OBSERVATIONS = 8_192


@dataclass(frozen=True)
class Progress:
    """Where a run stands: updates done of all, weights left of all, smoothed loss, and what it is at; while a student
    is polished, environment steps in place of updates and a mean return in place of a loss."""

    update: int
    updates: int
    nonzeros: int
    weights: int
    loss: float | None
    phase: str
    mean_return: float | None = None


@dataclass(frozen=True, eq=False)
class Student:
    """A finished student: the integer policy, what an actor file tells about it (returns are still to be measured),
    processor minutes, and the root mean square of its action errors on the newest observations (actions in [-1, 1]);
    None for one that has learned from rewards since."""

    policy: Policy
    about: dict
    minutes: float
    action_error: float | None


def distil(
    teacher: Teacher,
    settings: Settings,
    progress: Callable[[Progress], None] = lambda _: None,
    folder: Path | None = None,
    observations: np.ndarray | None = None,
    checked: bool = False,
) -> Student:
    """Distil `teacher`; in `folder`, where there is one, a run that was stopped goes on from its last snapshot.

    With recorded `observations` (n, features) no environment is run, and nothing protects against states that only the
    student gets into. A teacher that is `checked` is known to be better than random.
    Raises DistilError for settings, observations and teachers that cannot work, FolderError for another run's folder.
    """
    check_settings(settings)
    if folder:
        claim(folder, describe(teacher, settings, observations), SETTINGS)
    if observations is None and not checked:
        check_teacher(teacher)
    run = _Run(teacher, settings, progress, folder, observations)
    run.go()
    return run.student()


def describe(teacher: Teacher, settings: Settings, observations: np.ndarray | None = None) -> dict:
    """Plain values that decide which student comes out."""
    described = {"teacher": teacher.digest, "env_id": teacher.env_id, **asdict(settings)}
    if observations is not None:
        described["observations"] = hashlib.sha256(np.ascontiguousarray(observations).tobytes()).hexdigest()
    return described


class _Run:
    def __init__(self, teacher: Teacher, settings: Settings, progress, folder: Path | None, recorded) -> None:
        torch.set_num_threads(1)
        self.teacher, self.settings, self.progress, self.folder = teacher, settings, progress, folder
        self.fleet = Fleet(teacher.env_id, settings) if recorded is None else None
        self.dataset = Dataset(settings.capacity, torch.Generator().manual_seed(settings.seed))
        self.update, self.steps, self.loss, self.seconds = 0, 0, float("nan"), 0.0
        state = snapshot.load(folder) if folder else None
        self.labeller = Labeller(teacher, settings, state and state["mean_drop"])
        if state:
            self._restore(state)
        else:
            self._begin(recorded)
        self.clock = time.process_time()

    def _begin(self, recorded: np.ndarray | None) -> None:
        started = time.process_time()
        if recorded is not None:
            first = _checked(recorded, self.teacher)
        else:
            self.fleet.restart(0)
            first = self._drive(self.settings.teacher_steps, None)
        self._add(first)
        self.learner = Learner(self.teacher, first, self.settings)
        self.seconds = time.process_time() - started

    def go(self) -> None:
        """All updates that are left."""
        settings = self.settings
        every = SNAPSHOT_ROUNDS * settings.round_updates
        while self.update < settings.updates:
            if self.update and self.update % every == 0:
                self._pause()
            self._prepare()
            batch = self.dataset.draw(
                settings.batch_size, round(settings.recent_share * settings.batch_size), settings.recent_observations
            )
            loss = self.learner.update(batch, settings.learning_rate_at(self.update))
            if self.update % 100 == 0:
                self._report(float(loss))
            self.update += 1
        self._report(self.loss)

    def _prepare(self) -> None:
        settings, update = self.settings, self.update
        if self.fleet and settings.collects_at(update):
            self._add(self._drive(settings.round_steps, self.learner.act))
        sparsity = settings.sparsity_at(update)
        if sparsity is not None:
            self.learner.prune(sparsity, self.dataset.draw(PRUNING_OBSERVATIONS).observations)
        if update in (settings.update_at(settings.quantise_start), settings.update_at(settings.recalibrate)):
            self.learner.quantise(self.dataset.draw(CALIBRATION_OBSERVATIONS).observations)
        share = settings.frozen_share_at(update)
        if share is not None:
            self.learner.freeze(share)

    def _drive(self, steps: int, student) -> torch.Tensor:
        self.steps += steps
        longest = self.settings.longest_segment(self.update)
        return torch.from_numpy(self.fleet.collect(steps, self.teacher.act, student, longest))

    def _add(self, observations: torch.Tensor) -> None:
        self.dataset.add(observations, self.labeller(observations))

    def _pause(self) -> None:
        """Everything that follows depends on the snapshot alone: the environments begin new episodes."""
        if self.folder:
            snapshot.save(self.folder, self._state())
        if self.fleet:
            self.fleet.restart(self.update)

    def _state(self) -> dict:
        return {
            "update": self.update,
            "steps": self.steps,
            "loss": self.loss,
            "seconds": self._elapsed(),
            "mean_drop": self.labeller.mean_drop,
            "dataset": self.dataset.state,
            "learner": self.learner.state,
        }

    def _restore(self, state: dict) -> None:
        self.update, self.steps, self.loss = state["update"], state["steps"], state["loss"]
        self.seconds = state["seconds"]
        self.dataset.restore(state["dataset"])
        self.learner = Learner(self.teacher, self.dataset.columns[0][:1], self.settings)
        self.learner.restore(state["learner"])

    def _elapsed(self) -> float:
        return self.seconds + time.process_time() - self.clock

    def _report(self, loss: float) -> None:
        self.loss = loss if np.isnan(self.loss) else 0.9 * self.loss + 0.1 * loss
        if not np.isfinite(self.loss):
            raise DistilError(
                f"the loss is {self.loss} at update {self.update}; "
                f"lower the learning rate (now {self.settings.learning_rate})"
            )
        pruned = self.update >= self.settings.update_at(self.settings.prune_end)
        phase = "integer" if self.learner.quantised else "recover" if pruned else "prune"
        learner = self.learner
        self.progress(Progress(self.update, self.settings.updates, learner.nonzeros, learner.weights, self.loss, phase))

    def student(self) -> Student:
        """The finished student."""
        teacher, settings, learner = self.teacher, self.settings, self.learner
        newest = self.dataset.draw(8_192, 8_192, settings.recent_observations)
        error = torch.from_numpy(learner.act(newest.observations.numpy())) - newest.labels.actions
        policy = export_policy(learner.layers, teacher.env_id, teacher.action_space, learner.head)
        taught_by = {
            "digest": teacher.digest,
            **{k: teacher.about[k] for k in ("algorithm", "provenance", "returns") if k in teacher.about},
        }
        about = {
            "algorithm": "distil",
            "sparsity": {"nominal": settings.sparsity, "weights": learner.weights, "nonzeros": policy.nonzeros},
            "provenance": provenance(settings, settings.seed, self.steps) | {"teacher": taught_by},
            "returns": {},
        }
        return Student(policy, about, self._elapsed() / 60, float(error.square().mean().sqrt()))


def _checked(observations: np.ndarray, teacher: Teacher) -> torch.Tensor:
    features = teacher.features
    if observations.ndim != 2 or observations.shape[1] != features or len(observations) < 2:
        raise DistilError(
            f"the observations have shape {observations.shape}; "
            f"the teacher of {teacher.env_id} needs (n, {features}) with n > 1"
        )
    bad = ~np.isfinite(observations)
    if bad.any():
        row, feature = (int(index) for index in np.argwhere(bad)[0])
        raise DistilError(
            f"{int(bad.any(axis=1).sum())} of {len(observations)} observations are not finite, the first in row {row}, "
            f"feature {feature}; remove those rows"
        )
    return torch.from_numpy(observations.astype(np.float32))
