"""The run: proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347), Stable-Baselines3's."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from ..environments import make_env
from ..evaluation import evaluate_together, summarise
from ..storage import snapshot
from .actor_critic import TraineePolicy, TraineePPO
from .noise import Noisy
from .settings import ReinforceError, ReinforceSettings, check_settings
from .trainee import Trainee

CHOICE_SEED = 70_000  # episodes that choose among the policies of a run
_FIRST_SEED = 1 << 20  # far from the seeds that policies are measured on


@dataclass(frozen=True, eq=False)
class Reinforced:
    """The best policy of a run, the one that it began with included; `about` tells how it was found; environment steps
    and processor minutes are those of this run alone, measurements included in the minutes."""

    policy: Any
    about: dict
    steps: int
    minutes: float


def reinforce(
    trainee: Trainee,
    settings: ReinforceSettings,
    seed: int = 0,
    report: Callable[[int, float], None] = lambda step, mean_return: None,
    folder: Path | None = None,
) -> Reinforced:
    """Train on; in `folder`, a run that was stopped goes on from its last block. After each block `report` is told.

    Raises ReinforceError for settings that cannot work.
    """
    check_settings(settings, seed)
    torch.set_num_threads(1)
    run = _Run(trainee, settings, seed, report, folder)
    run.go()
    return run.reinforced()


class _Run:
    def __init__(self, trainee: Trainee, settings: ReinforceSettings, seed: int, report, folder: Path | None) -> None:
        self.trainee, self.settings, self.seed, self.report, self.folder = trainee, settings, seed, report, folder
        self.claim = {**trainee.claim, "seed": seed, **asdict(settings)}
        self.model = _model(trainee, settings, seed)
        self.rows: list[dict] = []
        self.seconds, self.clock = 0.0, time.process_time()
        state = snapshot.load(folder) if folder else None
        if state and state.get("claim") == self.claim:
            self._restore(state)
        else:
            self._measure()

    def go(self) -> None:
        """All blocks that are left, with a snapshot after each."""
        while self.model.num_timesteps < self.settings.steps:
            self._learn()
            self._measure()
            if self.folder:
                self.folder.mkdir(parents=True, exist_ok=True)
                snapshot.save(self.folder, self._state())

    def _learn(self) -> None:
        """One block. Everything in it depends on the snapshot before alone: the environments begin new episodes."""
        model, settings, step = self.model, self.settings, self.model.num_timesteps
        rests = step < settings.value_steps
        end = settings.value_steps if rests else settings.steps
        model.set_random_seed(_FIRST_SEED + int(np.random.default_rng([self.seed, step]).integers(1 << 30)))
        model.set_env(model.get_env())
        rate = 0.0 if rests else settings.learning_rate_at(step)
        model.policy.set_learning_rates(rate, settings.value_learning_rate)
        try:
            model.learn(min(settings.block_rollouts * settings.rollout, end - step), reset_num_timesteps=False)
        except ValueError as error:  # torch's distributions, of means that are not finite
            if self._finite():
                raise
            raise self._diverged() from error
        if not self._finite():
            raise self._diverged()

    def _finite(self) -> bool:
        """Whether the means of some plain observations still are."""
        network = self.trainee.network
        observations = torch.zeros(1, *self.model.observation_space.shape)
        with torch.no_grad():
            return bool(torch.isfinite(network(observations)).all() and torch.isfinite(network(observations + 1)).all())

    def _diverged(self) -> ReinforceError:
        return ReinforceError(
            f"the policy diverged before step {self.model.num_timesteps:,}: its actions are not finite; lower the "
            f"learning rate (now {self.settings.learning_rate:g})"
        )

    def _measure(self) -> None:
        policy, step = self.trainee.export(), self.model.num_timesteps
        row = {"step": step, "returns": self._returns(policy, noisy=False)}
        if self.settings.measures_noise:
            row["noisy"] = self._returns(policy, noisy=True)
        self.rows.append(row)
        if _best(self.rows) is row:
            self.best = policy
        self.report(step, float(np.mean(row["returns"])))

    def _returns(self, policy, noisy: bool) -> list[float]:
        def make() -> gymnasium.Env:
            env = make_env(self.trainee.env_id)
            return Noisy(env, self.settings.deviation) if noisy else env

        play, episodes = partial(self.trainee.play, policy), self.settings.evaluation_episodes
        return evaluate_together(play, make, episodes, CHOICE_SEED)

    def _state(self) -> dict:
        return {
            "claim": self.claim,
            "networks": self.model.policy.state_dict(),
            "optimizer": self.model.policy.optimizer.state_dict(),
            "rewards": deepcopy(self.model.get_env().ret_rms),
            "step": self.model.num_timesteps,
            "rows": self.rows,
            "best": self.best,
            "seconds": self._elapsed(),
        }

    def _restore(self, state: dict) -> None:
        model = self.model
        model.policy.load_state_dict(state["networks"])
        model.policy.optimizer.load_state_dict(state["optimizer"])
        model.get_env().ret_rms = state["rewards"]
        model.num_timesteps = state["step"]
        self.rows, self.best, self.seconds = state["rows"], state["best"], state["seconds"]

    def _elapsed(self) -> float:
        return self.seconds + time.process_time() - self.clock

    def reinforced(self) -> Reinforced:
        """The policy that was best in the episodes that choose."""
        best, steps = _best(self.rows), self.model.num_timesteps
        about = {
            **self.trainee.claim,
            "steps": steps,
            "chosen_step": best["step"],
            "best_of_evaluations": len(self.rows),
            "returns": {"before": _summary(self.rows[0]), "chosen": _summary(best)},
            "settings": asdict(self.settings),
        }
        return Reinforced(self.best, about, steps, self._elapsed() / 60)


def _best(rows: list[dict]) -> dict:
    """By the mean return, that with noise counting as much as that without."""
    return max(rows, key=lambda row: float(np.mean([*row["returns"], *row.get("noisy", [])])))


def _summary(row: dict) -> dict:
    exact = summarise(row["returns"], CHOICE_SEED)
    return exact | {"noisy": summarise(row["noisy"], CHOICE_SEED)} if "noisy" in row else exact


def _model(trainee: Trainee, settings: ReinforceSettings, seed: int) -> TraineePPO:
    def make() -> gymnasium.Env:
        return gymnasium.wrappers.RescaleAction(make_env(trainee.env_id), -1.0, 1.0)

    envs = DummyVecEnv([make for _ in range(settings.copies)])
    return TraineePPO(
        TraineePolicy,
        VecNormalize(envs, norm_obs=False, gamma=settings.gamma),
        n_steps=settings.rollout_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.epochs,
        clip_range=settings.clip_range,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        seed=seed,
        device="cpu",
        policy_kwargs={
            "network": trainee.network,
            "head": trainee.head,
            "deviation": settings.deviation,
            "value_widths": settings.value_widths,
        },
    )
