"""Soft actor-critic: Stable-Baselines3's SAC with a leaner gradient step.

The algorithm, its networks, its random numbers and its saved files are Stable-Baselines3's (Haarnoja et al. 2018,
arXiv 1812.05905); what is left out is what the library spends without using the result: autograd's bookkeeping, weight
gradients of the critics in the actor's step, one kernel per tensor where one per network does.
"""

from __future__ import annotations

import math

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from .adam import adam_step
from .networks import Actor, Critics, Gates, Tensors

_LOG_2PI = math.log(2.0 * math.pi)
_TANH_EPSILON = 1e-6  # Stable-Baselines3, common/distributions.py, SquashedDiagGaussian
_LOG_STD_RANGE = (-20.0, 2.0)  # Stable-Baselines3, sac/policies.py


class LeanSAC(SAC):
    """`stable_baselines3.SAC` with a faster `train`; the same results up to float32 rounding.

    Without state-dependent exploration and n-step returns, and with multilayer perceptrons of ReLU layers.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        if self.use_sde or getattr(self, "n_steps", 1) != 1:
            raise ValueError("LeanSAC trains without state-dependent exploration and n-step returns; use SAC for those")
        self._networks: tuple[Actor, Critics, Critics] | None = None

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_networks"]

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Run `gradient_steps` updates of entropy coefficient, critics, actor and target."""
        self.policy.set_training_mode(True)
        if self._networks is None:
            self._networks = Actor(self.actor), Critics(self.critic), Critics(self.critic_target)
        optimizers = [self.actor.optimizer, self.critic.optimizer]
        if self.ent_coef_optimizer is not None:
            optimizers.append(self.ent_coef_optimizer)
        self._update_learning_rate(optimizers)
        with torch.no_grad():
            for step in range(gradient_steps):
                self._update(self.replay_buffer.sample(batch_size), step)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def _update(self, batch: ReplayBufferSamples, step: int) -> None:
        actor, critics, target = self._networks
        observations, next_observations = batch.observations.float(), batch.next_observations.float()
        sample = _Sample(actor, observations)
        entropy_coefficient = self._update_entropy_coefficient(sample.log_prob)
        next_sample = _Sample(actor, next_observations)
        next_values, _ = target.forward(torch.cat([next_observations, next_sample.action], dim=1))
        soft_value = next_values.amin(0) - entropy_coefficient * next_sample.log_prob
        goal = batch.rewards[:, 0] + (1 - batch.dones[:, 0]) * self.gamma * soft_value
        values, seen = critics.forward(torch.cat([observations, batch.actions], dim=1))
        critics.backward((values - goal) / len(goal), seen)
        adam_step(self.critic.optimizer)
        self._update_actor(observations, sample, entropy_coefficient)
        if step % self.target_update_interval == 0:
            torch._foreach_lerp_(target.parameters, critics.parameters, self.tau)

    def _update_entropy_coefficient(self, log_prob: torch.Tensor) -> torch.Tensor:
        if self.ent_coef_optimizer is None:
            return self.ent_coef_tensor
        coefficient = self.log_ent_coef.exp()
        self.log_ent_coef.grad = -(log_prob + self.target_entropy).mean().reshape(self.log_ent_coef.shape)
        adam_step(self.ent_coef_optimizer)
        return coefficient

    def _update_actor(self, observations: torch.Tensor, sample: _Sample, entropy_coefficient: torch.Tensor) -> None:
        actor, critics, _ = self._networks
        values, seen = critics.forward(torch.cat([observations, sample.action], dim=1))
        smallest = torch.zeros_like(values).scatter_(0, values.argmin(0, keepdim=True), -1.0 / len(sample.action))
        through_value = critics.input_gradient(smallest, seen)[:, observations.shape[1] :]
        actor.backward(*sample.gradients(through_value, entropy_coefficient / len(sample.action)))
        adam_step(self.actor.optimizer)


class _Sample:
    """Reparameterised actions in (-1, 1) for a batch, their log-probabilities (batch,), and the way back."""

    def __init__(self, actor: Actor, observations: torch.Tensor) -> None:
        self._mean, log_std, self._seen, self._gates = actor.forward(observations)
        self._unclamped, self._log_std = log_std, log_std.clamp(*_LOG_STD_RANGE)
        self._noise = torch.randn_like(self._mean)
        self._scaled_noise = self._log_std.exp() * self._noise
        self.action = torch.tanh(self._mean + self._scaled_noise)
        self._slope = 1.0 - self.action * self.action
        log_density = -0.5 * (self._noise * self._noise + _LOG_2PI) - self._log_std
        self.log_prob = (log_density - torch.log(self._slope + _TANH_EPSILON)).sum(dim=1)

    def gradients(
        self, action_gradient: torch.Tensor, log_prob_gradient: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, Tensors, Gates]:
        """d loss / d mean and d log_std, with what `Actor.backward` needs beside them."""
        through_log_prob = log_prob_gradient * 2.0 * self.action / (self._slope + _TANH_EPSILON)
        mean = (action_gradient + through_log_prob) * self._slope
        log_std = (mean * self._scaled_noise - log_prob_gradient).mul_(self._unclamped == self._log_std)
        return mean, log_std, self._seen, self._gates
