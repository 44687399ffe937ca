"""Train a dense teacher in less than an hour: proximal policy optimisation on many copies of the environment.

The algorithm (Schulman et al. 2017, arXiv 1707.06347) and the normalisation of observations and rewards are
Stable-Baselines3's, untouched. Such a policy may collapse late in training, so the teacher is the best of the
evaluations, which its file says, and its return is measured on episodes that did not choose it.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from .critics import CRITICS_DISCOUNT, DEFAULTS, CriticSettings, fit_critics
from .environment_checks import check_env
from .environments import make_env
from .evaluation import evaluate_together, summarise
from .imported import read_model
from .progress import CURVE_SEED, FINAL_EPISODES, FINAL_SEED
from .protocol import ProtocolError
from .storage.checkpoint import list_checkpoints
from .storage.folder import claim, replace_text
from .storage.provenance import provenance
from .storage.random_states import random_states, restore_random_states
from .teacher import Teacher, read_teacher, save_teacher


@dataclass(frozen=True)
class TeachingProtocol:
    """Hyperparameters of one teacher; what is not listed is Stable-Baselines3's default."""

    env_id: str
    seed: int = 0
    steps: int = 3_000_000
    widths: tuple[int, ...] = (256, 256)
    copies: int = 16
    rollout_steps: int = 256
    batch_size: int = 256
    epochs: int = 10
    learning_rate: float = 3e-4
    gamma: float = 0.99
    gae_lambda: float = 0.95
    initial_log_std: float = -1.0
    evaluate_every: int = 150_000
    evaluation_episodes: int = 5


_LOWEST = {
    "steps": 1, "copies": 1, "rollout_steps": 2, "batch_size": 2, "epochs": 1, "evaluate_every": 1,
    "evaluation_episodes": 1,
}  # fmt: skip


def teach(protocol: TeachingProtocol, folder: Path, critics: CriticSettings = DEFAULTS) -> Teacher:
    """Train by `protocol` in `folder`, going on from its last evaluation; the teacher in `teacher.safetensors`.

    The learning rate falls linearly to 0. The teacher gets critics, fitted with a discount of at most 0.99, as distant
    rewards say little about which actions matter. ProtocolError for a value outside what is allowed, FolderError for a
    folder of another protocol, UnsuitableEnvironmentError for an environment without bounded continuous actions or with
    observations that are not finite.
    """
    _check(protocol)
    check_env(protocol.env_id, gymnasium.spaces.Box)
    claim(folder, {"algorithm": "ppo"} | asdict(protocol))
    path = folder / "teacher.safetensors"
    if not path.exists():
        torch.set_num_threads(1)
        model = _load_or_make(protocol, folder)
        evaluations = _Evaluations(protocol, folder)
        if model.num_timesteps < protocol.steps:
            remaining, fresh = protocol.steps - model.num_timesteps, not model.num_timesteps
            model.learn(remaining, callback=evaluations, reset_num_timesteps=fresh)
        best = _best(protocol, folder)
        discount = min(protocol.gamma, CRITICS_DISCOUNT)
        save_teacher(path, replace(best, critics=fit_critics(best, discount, protocol.seed, critics)))
    return read_teacher(path)


class _Evaluations(BaseCallback):
    """At the end of a rollout, every `evaluate_every` steps: a line of `curve.jsonl`, then a checkpoint."""

    def __init__(self, protocol: TeachingProtocol, folder: Path) -> None:
        super().__init__()
        self.protocol, self.folder = protocol, folder

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        rows, protocol = _curve(self.folder), self.protocol
        last = rows[-1]["step"] if rows else 0
        if self.num_timesteps // protocol.evaluate_every > last // protocol.evaluate_every:
            self._record(rows)

    def _on_training_end(self) -> None:
        rows = _curve(self.folder)
        if not rows or rows[-1]["step"] < self.num_timesteps:
            self._record(rows)

    def _record(self, rows: list[dict]) -> None:
        """Write the checkpoint first: a line of the curve then always has its policy."""
        path = _write_checkpoint(self.model, self.folder)
        teacher = _policy(self.protocol, path)
        returns = evaluate_together(teacher.play, self.protocol.env_id, self.protocol.evaluation_episodes, CURVE_SEED)
        rows = [*rows, {"step": self.num_timesteps, "returns": returns}]
        replace_text(self.folder / "curve.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        for old in list_checkpoints(self.folder):
            if old not in (path, self.folder / _name(_best_row(rows)["step"])):
                shutil.rmtree(old)
        print(f"{self.protocol.env_id} step {self.num_timesteps} return {np.mean(returns):.1f}", flush=True)


def _load_or_make(protocol: TeachingProtocol, folder: Path) -> PPO:
    """The newest policy that the curve tells of, its episodes begun anew, or an untrained one."""
    envs = DummyVecEnv([lambda: make_env(protocol.env_id) for _ in range(protocol.copies)])
    envs.seed(protocol.seed)
    rows = _curve(folder)
    if not rows:
        return _untrained(protocol, VecNormalize(envs, gamma=protocol.gamma))
    path = folder / _name(rows[-1]["step"])
    model = PPO.load(path / "model.zip", env=VecNormalize.load(path / "normaliser.pkl", envs), device="cpu")
    restore_random_states(torch.load(path / "random.pt", weights_only=False))
    return model


def _untrained(protocol: TeachingProtocol, envs: VecNormalize) -> PPO:
    return PPO(
        "MlpPolicy",
        envs,
        n_steps=protocol.rollout_steps,
        batch_size=protocol.batch_size,
        n_epochs=protocol.epochs,
        learning_rate=LinearSchedule(protocol.learning_rate, 0.0, 1.0),
        gamma=protocol.gamma,
        gae_lambda=protocol.gae_lambda,
        seed=protocol.seed,
        device="cpu",
        policy_kwargs={
            "net_arch": list(protocol.widths),
            "activation_fn": torch.nn.ReLU,
            "log_std_init": protocol.initial_log_std,
        },
    )


def _best(protocol: TeachingProtocol, folder: Path) -> Teacher:
    """The policy of the best evaluation, measured on fresh seeds."""
    rows = _curve(folder)
    step = _best_row(rows)["step"]
    teacher = _policy(protocol, folder / _name(step))
    returns = evaluate_together(teacher.play, protocol.env_id, FINAL_EPISODES, FINAL_SEED)
    teacher.about["algorithm"] = "ppo"
    teacher.about["provenance"] = provenance(protocol, protocol.seed, step) | {"best_of_evaluations": len(rows)}
    teacher.about["returns"] = {"float": summarise(returns, FINAL_SEED)}
    return teacher


def _policy(protocol: TeachingProtocol, checkpoint: Path) -> Teacher:
    return read_model(checkpoint / "model.zip", protocol.env_id, checkpoint / "normaliser.pkl")


def _write_checkpoint(model: PPO, folder: Path) -> Path:
    final = folder / _name(model.num_timesteps)
    partial = folder / f".partial-{final.name}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    model.save(partial / "model.zip")
    model.get_vec_normalize_env().save(partial / "normaliser.pkl")
    torch.save(random_states(), partial / "random.pt")
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    return final


def _name(step: int) -> str:
    return f"step-{step:09d}"


def _curve(folder: Path) -> list[dict]:
    path = folder / "curve.jsonl"
    return [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []


def _best_row(rows: list[dict]) -> dict:
    return max(rows, key=lambda row: float(np.mean(row["returns"])))


def _check(protocol: TeachingProtocol) -> None:
    for name, lowest in _LOWEST.items():
        if getattr(protocol, name) < lowest:
            raise ProtocolError(f"{name} is {getattr(protocol, name)}; at least {lowest} is needed")
    if not (math.isfinite(protocol.learning_rate) and protocol.learning_rate > 0):
        raise ProtocolError(f"learning_rate is {protocol.learning_rate}; it must be above 0 and finite")
    if not 0.0 <= protocol.gamma <= 1.0:
        raise ProtocolError(f"gamma is {protocol.gamma}; allowed: 0 to 1")
    if not all(width > 0 for width in protocol.widths):
        raise ProtocolError(f"widths are {protocol.widths}; every hidden layer needs at least one neuron")
