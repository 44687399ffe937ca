"""Soft actor-critic: Stable-Baselines3's SAC with a leaner gradient step and leaner exploration.

The algorithm, its networks, its random numbers and its saved files are Stable-Baselines3's (Haarnoja et al. 2018,
arXiv 1812.05905); what is left out is what the library spends without using the result: autograd's bookkeeping, fresh
memory for every tensor, the critics' weight gradients in the actor's step, the way back through the critic that is not
the smaller one, a call per tensor where one per network does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.noise import ActionNoise
from torch import nn

from ..divergence import check_actions
from .adam import FlatAdam
from .flat import Flat
from .networks import Actor, Critics, TrainedCritics
from .replay import Batch, Replay

_LOG_2PI = math.log(2.0 * math.pi)
_TANH_EPSILON = 1e-6  # Stable-Baselines3, common/distributions.py, SquashedDiagGaussian
_LOG_STD_RANGE = (-20.0, 2.0)  # Stable-Baselines3, sac/policies.py


@dataclass
class _Networks:
    """What a gradient step changes; `entropy` is absent where the entropy coefficient is fixed."""

    actor: Actor
    critics: TrainedCritics
    target: Critics
    entropy: FlatAdam | None


class LeanSAC(SAC):
    """`stable_baselines3.SAC` with a faster `train`, and faster actions; the same results up to float32 rounding.

    Without state-dependent exploration, n-step returns and normalised environments; with multilayer perceptrons of
    ReLU layers that see float32 vectors.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        if (unknown := self._unknown()) is not None:
            raise ValueError(f"LeanSAC does not know {unknown}; use SAC for that")
        self._made: _Networks | None = None
        self._replay: Replay | None = None

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_made", "_replay"]

    @torch.no_grad()
    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Run `gradient_steps` updates of entropy coefficient, critics, actor and target."""
        networks, replay = self._networks(), self._batches(batch_size)
        trained = [adam for adam in (networks.actor.adam, networks.critics.adam, networks.entropy) if adam is not None]
        for adam in trained:
            adam.follow()
        self._update_learning_rate([adam.optimizer for adam in trained])
        for step in range(gradient_steps):
            self._update(networks, replay.sample())
            if step % self.target_update_interval == 0:
                networks.target.flat.values.lerp_(networks.critics.flat.values, self.tau)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def _update(self, networks: _Networks, batch: Batch) -> None:
        actor, critics, target = networks.actor, networks.critics, networks.target
        size = len(batch.actions)
        observations, next_observations = batch.observations.split(size)
        sample = _Sample(*actor.forward(batch.observations), parts=2)
        actions, next_actions = sample.actions.split(size)
        log_prob, next_log_prob = sample.log_prob.split(size)
        entropy_coefficient = self._update_entropy_coefficient(networks.entropy, log_prob)
        next_value = target.forward(torch.cat([next_observations, next_actions], dim=1)).amin(0)
        next_value.sub_(next_log_prob.mul_(entropy_coefficient))
        goal = batch.rewards + (1.0 - batch.ends).mul_(self.gamma).mul_(next_value)
        values = critics.forward(torch.cat([observations, batch.actions], dim=1))
        critics.backward(values.sub_(goal).div_(size))
        critics.adam.step()
        values = critics.forward(torch.cat([observations, actions], dim=1))
        through_value = critics.action_gradient(values, features=observations.shape[1]).div_(-size)
        actor.backward(*sample.gradients(through_value, entropy_coefficient / size))
        actor.adam.step()

    def _update_entropy_coefficient(self, adam: FlatAdam | None, log_prob: torch.Tensor) -> torch.Tensor:
        """The coefficient before the update."""
        if adam is None:
            return self.ent_coef_tensor
        coefficient = self.log_ent_coef.exp()
        torch.neg(log_prob.mean() + self.target_entropy, out=adam.gradients[0])
        adam.step()
        return coefficient

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        if self.num_timesteps < learning_starts or action_noise is not None:
            return super()._sample_action(learning_starts, action_noise, n_envs)
        with torch.no_grad():
            observations = torch.from_numpy(self._last_obs)
            actions = _Sample(*self._networks().actor.forward(observations)).actions.numpy()
        check_actions(actions, self)
        return self.policy.unscale_action(actions), actions

    def _networks(self) -> _Networks:
        if self._made is None or self._made.actor.linears[-1] is not self.actor.log_std:
            coefficient = self.ent_coef_optimizer
            self._made = _Networks(
                Actor(self.actor),
                TrainedCritics(self.critic),
                Critics(self.critic_target),
                None if coefficient is None else FlatAdam(coefficient, Flat([[self.log_ent_coef]])),
            )
        return self._made

    def _batches(self, size: int) -> Replay:
        if self._replay is None or not self._replay.draws(self.replay_buffer, size):
            self._replay = Replay(self.replay_buffer, size)
        return self._replay

    def _unknown(self) -> str | None:
        """What only SAC itself can do."""
        buffer, space = self.replay_buffer, self.observation_space
        asked = {
            "state-dependent exploration": self.use_sde,
            "n-step returns": getattr(self, "n_steps", 1) != 1,
            "other replay buffers": type(buffer) is not ReplayBuffer or buffer.optimize_memory_usage,
            "normalised environments": self._vec_normalize_env is not None,
            "observations other than float32 vectors": space.dtype != np.float32 or len(space.shape) != 1,
            "activations other than ReLU": self.policy.activation_fn is not nn.ReLU,
        }
        return next((name for name, present in asked.items() if present), None)


class _Sample:
    """Reparameterised actions in (-1, 1) for means and log standard deviations (rows, actions), their
    log-probabilities (rows,), and the way back. Noise is drawn for `parts` of the rows one after the other."""

    def __init__(self, mean: torch.Tensor, log_std: torch.Tensor, parts: int = 1) -> None:
        self._unclamped, self._log_std = log_std, log_std.clamp(*_LOG_STD_RANGE)
        self._noise = torch.empty_like(self._log_std)
        for part in self._noise.chunk(parts):
            part.normal_()
        self._scaled_noise = self._log_std.exp().mul_(self._noise)
        self.actions = (mean + self._scaled_noise).tanh_()

    @property
    def log_prob(self) -> torch.Tensor:
        """Log-probabilities of the actions."""
        self._slope = 1.0 - self.actions * self.actions
        log_density = (self._noise * self._noise).add_(_LOG_2PI).mul_(-0.5).sub_(self._log_std)
        return log_density.sub_((self._slope + _TANH_EPSILON).log_()).sum(dim=1)

    def gradients(self, action_gradient: torch.Tensor, log_prob_gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """d loss / d mean and d log_std for the first rows, whose actions have `action_gradient` (rows, actions)."""
        rows = slice(len(action_gradient))
        slope = self._slope[rows]
        through_log_prob = log_prob_gradient * 2.0 * self.actions[rows] / (slope + _TANH_EPSILON)
        mean = (action_gradient + through_log_prob).mul_(slope)
        log_std = (mean * self._scaled_noise[rows]).sub_(log_prob_gradient)
        return mean, log_std.mul_(self._unclamped[rows] == self._log_std[rows])
