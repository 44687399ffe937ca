"""Soft actor-critic on continuous actions: actor pruned and rounded, critics dense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import gymnasium

from ..compression.calibration import calibrate
from ..compression.callback import Parts, sparsify
from ..environments import usual_gamma
from ..lean.sac import LeanSAC
from ..protocol import Protocol
from .recipe import Recipe


@dataclass(frozen=True)
class SacProtocol(Protocol):
    """Ivanov et al. (2025) for the MuJoCo tasks; critics, replay, entropy and target as in Stable-Baselines3."""

    algorithm: ClassVar[str] = "sac"

    steps: int = 1_000_000
    prune_start: float = 0.2
    prune_end: float = 0.8
    prune_events: int = 600
    quantise_end: float = 1.2
    calibration_observations: int = 16_384
    widths: tuple[int, ...] = (256, 256)
    learning_rate: float = 3e-4
    weight_decay: float = 1e-4
    batch_size: int = 256
    gamma: float = 0.99
    tau: float = 0.005
    train_freq: int = 1
    gradient_steps: int = 1
    learning_starts: int = 10_000
    buffer_size: int = 1_000_000
    evaluate_every: int = 10_000
    evaluation_episodes: int = 20
    checkpoint_every: int = 20_000


PAPER: dict = {}
FAST = {"batch_size": 128}
FASTEST = {"batch_size": 64}
TEACHER = {
    "sparsity": 0.0,
    "quantised": False,
    "quantise_end": 1.0,
    "weight_decay": 0.0,
    "batch_size": 128,
    "averaging_steps": 20_000,
}
SMALL = {
    "allocation": "uniform",  # the published formula would leave nothing of the layer between 64 and 64
    "steps": 10_000,
    "prune_events": 100,
    "learning_rate": 1e-3,
    "batch_size": 64,
    "widths": (64, 64),
    "learning_starts": 500,
    "evaluate_every": 1_000,
    "evaluation_episodes": 5,
    "checkpoint_every": 2_000,
}


class SacRecipe(Recipe):
    """Stable-Baselines3's SAC with a leaner gradient step."""

    protocol = SacProtocol
    model = LeanSAC
    action_space = gymnasium.spaces.Box
    head = "tanh"
    presets: ClassVar[dict[str, dict]] = {
        "paper": PAPER,
        "fast": FAST,
        "fastest": FASTEST,
        "teacher": TEACHER,
        "small": SMALL,
    }

    def preset(self, name: str, env_id: str, **changes) -> SacProtocol:
        """As published; what is to teach gets the discount that is usual for its environment."""
        if name == "teacher":
            changes = {"gamma": usual_gamma(env_id), **changes}
        return super().preset(name, env_id, **changes)

    def new_model(self, protocol: SacProtocol, env: gymnasium.Env) -> LeanSAC:
        """Actor and two critics of the protocol's widths, Adam with weight decay on both."""
        return LeanSAC(
            "MlpPolicy",
            env,
            learning_rate=protocol.learning_rate,
            buffer_size=min(protocol.buffer_size, protocol.total_steps),
            learning_starts=protocol.learning_starts,
            batch_size=protocol.batch_size,
            tau=protocol.tau,
            gamma=protocol.gamma,
            train_freq=protocol.train_freq,
            gradient_steps=protocol.gradient_steps,
            ent_coef="auto",
            target_update_interval=1,
            seed=protocol.seed,
            device="cpu",
            policy_kwargs={
                "net_arch": list(protocol.widths),
                "optimizer_kwargs": {"fused": True, "weight_decay": protocol.weight_decay},
            },
        )

    def parts(self, model: LeanSAC) -> Parts:
        """The mean's path; the standard deviation's layer is pruned like the mean's, as published."""
        optimizer = model.actor.optimizer
        *layers, deviation = sparsify(model.actor)
        return Parts(
            layers, [deviation], [], optimizer, lambda seen, bits: calibrate(layers, seen.float(), bits, optimizer)
        )
