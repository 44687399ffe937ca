"""Soft actor-critic: Stable-Baselines3's SAC with a leaner gradient step.

The algorithm, its networks, its random numbers and its saved files are Stable-Baselines3's
(Haarnoja et al. 2018, arXiv 1812.05905); only the arithmetic that the library spends without
using the result is left out: weight gradients of the critics in the actor's step, one
optimiser kernel per tensor, one Polyak kernel per tensor, and a host round trip per loss.
"""

from __future__ import annotations

import math

import torch
from stable_baselines3 import SAC

_LOG_2PI = math.log(2.0 * math.pi)
_TANH_EPSILON = 1e-6  # Stable-Baselines3, common/distributions.py, SquashedDiagGaussian


class LeanSAC(SAC):
    """`stable_baselines3.SAC` with a faster `train`; same results up to float32 rounding.

    Restrictions, checked when training starts: no state-dependent exploration, no n-step
    returns, networks of plain layers. Anything else is passed on to Stable-Baselines3.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        if self.use_sde or getattr(self, "n_steps", 1) != 1:
            raise ValueError("LeanSAC trains without state-dependent exploration and n-step returns; use SAC for those")

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Run `gradient_steps` updates of entropy coefficient, critics, actor and target."""
        self.policy.set_training_mode(True)
        optimizers = [self.actor.optimizer, self.critic.optimizer]
        if self.ent_coef_optimizer is not None:
            optimizers.append(self.ent_coef_optimizer)
        self._update_learning_rate(optimizers)
        for step in range(gradient_steps):
            self._update(self.replay_buffer.sample(batch_size), step)
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def _update(self, batch, step: int) -> None:
        batch = batch._replace(
            observations=batch.observations.float(), next_observations=batch.next_observations.float()
        )
        actions, log_prob = _sample_action(self.actor, batch.observations)
        entropy_coefficient = self._update_entropy_coefficient(log_prob.detach())
        with torch.no_grad():
            next_actions, next_log_prob = _sample_action(self.actor, batch.next_observations)
            next_q = _min_q(self.critic_target, batch.next_observations, next_actions)
            soft_value = next_q - entropy_coefficient * next_log_prob
            target = batch.rewards + (1 - batch.dones) * self.gamma * soft_value
        self._update_critic(batch, target)
        self._update_actor(batch.observations, actions, log_prob, entropy_coefficient)
        if step % self.target_update_interval == 0:
            self._update_target()

    def _update_entropy_coefficient(self, log_prob: torch.Tensor) -> torch.Tensor:
        if self.ent_coef_optimizer is None:
            return self.ent_coef_tensor
        coefficient = self.log_ent_coef.detach().exp()
        self.log_ent_coef.grad = -(log_prob + self.target_entropy).mean().reshape(self.log_ent_coef.shape)
        self.ent_coef_optimizer.step()
        return coefficient

    def _update_critic(self, batch, target: torch.Tensor) -> None:
        values = self.critic(batch.observations, batch.actions)
        loss = 0.5 * sum(torch.nn.functional.mse_loss(value, target) for value in values)
        _step(self.critic, loss)

    def _update_actor(self, observations, actions, log_prob, entropy_coefficient) -> None:
        self.critic.requires_grad_(False)
        try:
            loss = (entropy_coefficient * log_prob - _min_q(self.critic, observations, actions)).mean()
            _step(self.actor, loss)
        finally:
            self.critic.requires_grad_(True)

    def _update_target(self) -> None:
        with torch.no_grad():
            torch._foreach_lerp_(list(self.critic_target.parameters()), list(self.critic.parameters()), self.tau)


def _step(network: torch.nn.Module, loss: torch.Tensor) -> None:
    network.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    network.optimizer.step()


def _min_q(critic, observations: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
    first, *others = critic(observations, actions)
    for other in others:
        first = torch.minimum(first, other)
    return first


def _sample_action(actor, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Reparameterised action in (-1, 1) and its log-probability of shape (batch, 1)."""
    latent = actor.latent_pi(observations)
    mean, log_std = actor.mu(latent), actor.log_std(latent).clamp(-20.0, 2.0)
    noise = torch.randn_like(mean)
    action = torch.tanh(mean + log_std.exp() * noise)
    log_density = -0.5 * (noise * noise + _LOG_2PI) - log_std
    correction = torch.log(1.0 - action * action + _TANH_EPSILON)
    return action, (log_density - correction).sum(dim=1, keepdim=True)
