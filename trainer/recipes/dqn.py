"""Deep Q-learning (Mnih et al. 2015) on discrete actions: the Q-network and its target pruned and rounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import gymnasium
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.torch_layers import NatureCNN

from ..compression.calibration import BitWidths, calibrate, fold_observation_scales
from ..compression.callback import Parts, sparsify
from ..compression.convolution import ResidualExtractor
from ..compression.image_calibration import calibrate_images, follow
from ..environments import atari_id
from ..frames import FrameReplay
from ..protocol import Protocol
from .recipe import Recipe


@dataclass(frozen=True)
class DqnProtocol(Protocol):
    """Ivanov et al. (2025) for the Atari games: 10 million agent steps and 2 million more in integers.

    `network` is `nature` (Mnih et al. 2015) or `residual` (Espeholt et al. 2018, twice as wide); environments whose
    observations are no images get a multilayer perceptron of `widths`.
    """

    algorithm: ClassVar[str] = "dqn"

    steps: int = 10_000_000
    prune_start: float = 0.2
    prune_end: float = 0.8
    prune_events: int = 300
    quantise_end: float = 1.2
    calibration_observations: int = 256
    network: Literal["nature", "residual"] = "nature"
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    adam_epsilon: float = 1e-8
    batch_size: int = 32
    gamma: float = 0.99
    tau: float = 1.0
    train_freq: int = 4
    gradient_steps: int = 1
    learning_starts: int = 20_000
    buffer_size: int = 1_000_000
    target_update_interval: int = 8_000
    exploration_fraction: float = 0.01
    exploration_final: float = 0.01
    max_gradient_norm: float = 10.0
    evaluate_every: int = 100_000
    evaluation_episodes: int = 20
    checkpoint_every: int = 500_000


PAPER: dict = {}
RESIDUAL = {"network": "residual", "adam_epsilon": 3.125e-4, "weight_decay": 1e-5}
SMALL = {
    "steps": 50_000,
    "prune_events": 100,
    "calibration_observations": 8_192,
    "widths": (256, 256),
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "train_freq": 256,
    "gradient_steps": 128,
    "learning_starts": 1_000,
    "buffer_size": 100_000,
    "target_update_interval": 10,
    "exploration_fraction": 0.16,
    "exploration_final": 0.04,
    "evaluate_every": 2_500,
    "evaluation_episodes": 10,
    "checkpoint_every": 10_000,
}


class DqnRecipe(Recipe):
    """Stable-Baselines3's DQN, its classes untouched."""

    protocol = DqnProtocol
    model = DQN
    action_space = gymnasium.spaces.Discrete
    head = "argmax"
    presets: ClassVar[dict[str, dict]] = {"paper": PAPER, "residual": RESIDUAL, "small": SMALL}

    def new_model(self, protocol: DqnProtocol, env: gymnasium.Env) -> DQN:
        """Q-network and target; convolutional for images."""
        images = len(env.observation_space.shape) == 3
        policy: dict = {"net_arch": [] if images else list(protocol.widths)}
        if images:
            residual = protocol.network == "residual"
            policy["features_extractor_class"] = ResidualExtractor if residual else NatureCNN
        return DQN(
            "CnnPolicy" if images else "MlpPolicy",
            env,
            learning_rate=protocol.learning_rate,
            buffer_size=min(protocol.buffer_size, protocol.total_steps),
            replay_buffer_class=FrameReplay if atari_id(protocol.env_id) else None,
            learning_starts=protocol.learning_starts,
            batch_size=protocol.batch_size,
            tau=protocol.tau,
            gamma=protocol.gamma,
            train_freq=protocol.train_freq,
            gradient_steps=protocol.gradient_steps,
            target_update_interval=protocol.target_update_interval,
            exploration_fraction=protocol.exploration_fraction,
            exploration_final_eps=protocol.exploration_final,
            max_grad_norm=protocol.max_gradient_norm,
            seed=protocol.seed,
            device="cpu",
            policy_kwargs=policy
            | {"optimizer_kwargs": {"eps": protocol.adam_epsilon, "weight_decay": protocol.weight_decay}},
        )

    def parts(self, model: DQN) -> Parts:
        """Every layer of the Q-network, and of its target in the same order."""
        layers, targets = sparsify(model.q_net), sparsify(model.q_net_target)

        def switch(seen: torch.Tensor, bits: BitWidths) -> None:
            if seen.dim() == 4:
                calibrate_images(model.q_net, layers, seen, bits)
                follow(targets, layers)
                return
            fold_observation_scales(targets[0], seen.float(), bits.observations, None)
            calibrate(layers, seen.float(), bits, model.policy.optimizer, head=self.head)
            for target, layer in zip(targets, layers, strict=True):
                target.set_quantiser(layer.quantiser)

        return Parts(layers, [], targets, model.policy.optimizer, switch)
