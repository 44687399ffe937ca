"""The run: proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347), Stable-Baselines3's, of a student
whose mask and scales of values are fixed and whose forward pass is the integers that are exported."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from ganglion.codegen.policy import Policy

from ...calibration import BitWidths
from ...environments import make_env
from ...evaluation import act_integer, evaluate_together, summarise
from ...export import export_policy
from .. import snapshot
from ..distillation import Progress
from .actor_critic import StudentPolicy, StudentPPO
from .settings import PolishSettings, check_polish
from .student import layers_of

POLISH_SEED = 70_000  # episodes that choose among the students of a run
_FIRST_SEED = 1 << 20  # far from the seeds that policies are measured on


@dataclass(frozen=True, eq=False)
class Polished:
    """The best student of a run, the one that it began with included; `about` is for `provenance.polish` of an actor
    file; environment steps and processor minutes are those of polishing alone, measurements included in the minutes."""

    policy: Policy
    about: dict
    steps: int
    minutes: float


def polish(
    policy: Policy,
    bits: BitWidths,
    settings: PolishSettings,
    seed: int = 0,
    progress: Callable[[Progress], None] = lambda _: None,
    folder: Path | None = None,
) -> Polished:
    """Polish `policy`, whose weights have the `bits`; in `folder`, a run that was stopped goes on from its last block.

    Weights that are zero stay zero. Raises DistilError for settings that cannot work.
    """
    check_polish(settings)
    torch.set_num_threads(1)
    run = _Run(policy, bits, settings, seed, progress, folder)
    run.go()
    return run.polished()


class _Run:
    def __init__(self, policy: Policy, bits: BitWidths, settings: PolishSettings, seed: int, progress, folder) -> None:
        self.policy, self.settings, self.seed, self.progress, self.folder = policy, settings, seed, progress, folder
        self.claim = {"student": policy.digest, "seed": seed, "bits": asdict(bits), **asdict(settings)}
        self.layers = layers_of(policy, bits)
        self.space = make_env(policy.env_id).action_space
        self.model = _model(policy, self.layers, settings, seed)
        self.rows: list[dict] = []
        self.seconds, self.clock = 0.0, time.process_time()
        state = snapshot.load(folder) if folder else None
        if state and state["claim"] == self.claim:
            self._restore(state)
        else:
            self._measure(policy)

    def go(self) -> None:
        """All blocks that are left, with a snapshot after each."""
        while self.model.num_timesteps < self.settings.steps:
            self._learn()
            self._measure(self._export())
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
        model.learn(min(settings.block_rollouts * settings.rollout, end - step), reset_num_timesteps=False)

    def _measure(self, policy: Policy) -> None:
        episodes = self.settings.evaluation_episodes
        returns = evaluate_together(act_integer(policy), policy.env_id, episodes, POLISH_SEED)
        self.rows.append({"step": self.model.num_timesteps, "returns": returns})
        if _best(self.rows) is self.rows[-1]:
            self.best = policy
        weights = sum(layer.weight.numel() for layer in self.layers)
        step, steps = self.model.num_timesteps, self.settings.steps
        self.progress(Progress(step, steps, policy.nonzeros, weights, None, "polish", float(np.mean(returns))))

    def _export(self) -> Policy:
        return export_policy(self.layers, self.policy.env_id, self.space, self.policy.head.kind)

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

    def polished(self) -> Polished:
        """The student that was best in the episodes that choose."""
        best, steps = _best(self.rows), self.model.num_timesteps
        about = {
            "student": self.policy.digest,
            "steps": steps,
            "chosen_step": best["step"],
            "best_of_evaluations": len(self.rows),
            "returns": {
                "before": summarise(self.rows[0]["returns"], POLISH_SEED),
                "chosen": summarise(best["returns"], POLISH_SEED),
            },
            "settings": asdict(self.settings),
        }
        return Polished(self.best, about, steps, self._elapsed() / 60)


def _best(rows: list[dict]) -> dict:
    return max(rows, key=lambda row: float(np.mean(row["returns"])))


def _model(policy: Policy, layers, settings: PolishSettings, seed: int) -> StudentPPO:
    def make() -> gymnasium.Env:
        return gymnasium.wrappers.RescaleAction(make_env(policy.env_id), -1.0, 1.0)

    envs = DummyVecEnv([make for _ in range(settings.copies)])
    return StudentPPO(
        StudentPolicy,
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
            "student": layers,
            "head": policy.head.kind,
            "deviation": settings.deviation,
            "value_widths": settings.value_widths,
        },
    )
