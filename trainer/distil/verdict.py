"""The finished integers against their teacher, on seeds that neither has seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ganglion.codegen.policy import Policy
from ganglion.codegen.reference import infer
from ganglion.hil.environments import UnknownEnvironmentError

from ..environments import UnsuitableEnvironmentError, make_env
from ..evaluation import evaluate_together, summarise
from ..teacher import Teacher
from .settings import DistilError

VERDICT_SEED = 30_000
VERDICT_EPISODES = 20
CHECK_SEED = 40_000
BEST_SEED = 60_000  # for a student that was chosen by its episodes from VERDICT_SEED on
CHECK_EPISODES = 10
RESAMPLES = 10_000


@dataclass(frozen=True)
class Verdict:
    """Returns of student and teacher on the same seeds and the share that the student keeps.

    `share` is (student - baseline) / (teacher - baseline) of the mean returns; `low` and `high` are its 95 % interval
    by paired bootstrap over episodes. The baseline is 0, or the random policy's mean where the teacher's is negative.
    """

    student: list[float]
    teacher: list[float]
    baseline: float
    share: float
    low: float
    high: float
    first_seed: int

    @property
    def worst(self) -> float:
        """The student's worst episode."""
        return min(self.student)

    @property
    def returns(self) -> dict:
        """The entry of an actor file's `returns`."""
        return {
            "quantised": summarise(self.student, self.first_seed),
            "teacher": summarise(self.teacher, self.first_seed),
        }

    @property
    def about(self) -> dict:
        """The entry of an actor file's `share`."""
        values = {name: round(value, 5) for name, value in asdict(self).items() if isinstance(value, float)}
        return values | {"episodes": len(self.student), "first_seed": self.first_seed}


@dataclass(frozen=True)
class Standard:
    """What students are held against: the teacher's returns of episodes from `first_seed` on, and the return that
    counts as nothing."""

    env_id: str
    returns: list[float]
    baseline: float
    first_seed: int


def check_environment(teacher: Teacher) -> None:
    """Raise DistilError where the teacher's environment cannot be made or reset, or has other spaces."""
    try:
        env = make_env(teacher.env_id)
    except (UnknownEnvironmentError, UnsuitableEnvironmentError) as error:
        raise DistilError(str(error)) from error
    try:
        observation, _ = env.reset(seed=0)
    except Exception as error:  # whatever an environment of the user's own raises
        raise DistilError(f"environment {teacher.env_id} cannot be reset: {error!r}; check its reset()") from error
    found = (*np.shape(observation), *(env.action_space.shape or ()))
    needed = (teacher.features, teacher.linears[-1].out_features)
    if found != needed:
        raise DistilError(
            f"environment {teacher.env_id} has observations of shape {np.shape(observation)} and actions "
            f"{env.action_space}; the teacher maps {needed[0]} features to {needed[1]} actions"
        )


def measure_teacher(teacher: Teacher, episodes: int = VERDICT_EPISODES, first_seed: int = VERDICT_SEED) -> Standard:
    """Run the teacher, and random actions where its mean return is negative; DistilError where that cannot be."""
    check_environment(teacher)
    returns = evaluate_together(teacher.play, teacher.env_id, episodes, first_seed)
    baseline = 0.0 if np.mean(returns) > 0 else float(np.mean(_random_returns(teacher.env_id, episodes, first_seed)))
    return Standard(teacher.env_id, returns, baseline, first_seed)


def judge(policy: Policy, standard: Standard) -> Verdict:
    """Run the integers, by the reference interpreter, from the teacher's seeds."""
    episodes = len(standard.returns)
    student = evaluate_together(lambda x: infer(policy, x).actions, standard.env_id, episodes, standard.first_seed)
    return compare(student, standard)


def compare(student: list[float], standard: Standard) -> Verdict:
    """The verdict on returns of the same episodes."""
    teacher, baseline, first_seed = standard.returns, standard.baseline, standard.first_seed
    s, t = np.array(student) - baseline, np.array(teacher) - baseline
    drawn = np.random.default_rng(0).integers(len(s), size=(RESAMPLES, len(s)))
    shares = s[drawn].mean(axis=1) / t[drawn].mean(axis=1)
    low, high = (float(value) for value in np.percentile(shares, (2.5, 97.5)))
    return Verdict(student, teacher, baseline, float(s.mean() / t.mean()), low, high, first_seed)


def check_teacher(teacher: Teacher) -> None:
    """Raise DistilError where the teacher is not clearly better than random actions (lower end of a 95 % interval)."""
    check_environment(teacher)
    taught = np.array(evaluate_together(teacher.play, teacher.env_id, CHECK_EPISODES, CHECK_SEED))
    random = np.array(_random_returns(teacher.env_id, CHECK_EPISODES, CHECK_SEED))
    drawn = np.random.default_rng(0).integers(CHECK_EPISODES, size=(RESAMPLES, CHECK_EPISODES))
    if np.percentile((taught - random)[drawn].mean(axis=1), 2.5) <= 0:
        raise DistilError(
            f"the teacher's return in {teacher.env_id} is {taught.mean():.1f}, that of random actions "
            f"{random.mean():.1f} ({CHECK_EPISODES} episodes): there is nothing to distil; train the teacher for longer"
        )


def _random_returns(env_id: str, episodes: int, first_seed: int) -> list[float]:
    space = make_env(env_id, first_seed).action_space
    return evaluate_together(lambda x: np.stack([space.sample() for _ in x]), env_id, episodes, first_seed)
