"""A trainee as Stable-Baselines3 sees it: a Gaussian around its actions, and a dense value function beside it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from ..teacher import SquashKind

_LIMIT = 10.0


class TraineePolicy(ActorCriticPolicy):
    """`network` gives the means, for actions in [-1, 1]: what comes out of a tanh head, or what goes into a clipped
    one. The noise around them has one `deviation`, which is not learned, as PPO would shrink it. The value function has
    hidden layers of `value_widths` and normalises by itself."""

    def __init__(
        self,
        *args,
        network: nn.Module,
        head: SquashKind,
        deviation: float,
        value_widths: tuple[int, ...],
        **kwargs,
    ) -> None:
        self._made_of = network, head, deviation, value_widths
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule) -> None:
        network, head, deviation, value_widths = self._made_of
        self.mlp_extractor = _Networks(network, self.features_dim, value_widths)
        self.action_net = nn.Tanh() if head == "tanh" else nn.Identity()
        self.log_std = nn.Parameter(torch.full(self.action_space.shape, deviation).log(), requires_grad=False)
        self.value_net = nn.Linear(value_widths[-1], 1)
        acting = [*self.mlp_extractor.network.parameters()]
        valuing = [*self.mlp_extractor.value.parameters(), *self.value_net.parameters()]
        self.optimizer = torch.optim.Adam([{"params": acting}, {"params": valuing}], lr=lr_schedule(1), eps=1e-5)

    def set_learning_rates(self, acting: float, value: float) -> None:
        """Of the trainee, which with 0 stays as it is, and of the value function."""
        for group, rate in zip(self.optimizer.param_groups, (acting, value), strict=True):
            group["lr"] = rate
        for parameter in self.optimizer.param_groups[0]["params"]:
            parameter.requires_grad_(acting > 0)


class TraineePPO(PPO):
    """PPO that leaves the two learning rates of a TraineePolicy as they are set."""

    def _update_learning_rate(self, optimizers) -> None:
        pass


class _Networks(nn.Module):
    """Trainee and hidden layers of the value function, under the names that Stable-Baselines3 calls."""

    def __init__(self, network: nn.Module, features: int, value_widths: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        value: list[nn.Module] = [_Normalisation(features)]
        for inputs, outputs in pairwise((features, *value_widths)):
            linear = nn.Linear(inputs, outputs)
            ActorCriticPolicy.init_weights(linear, gain=2**0.5)
            value += [linear, nn.ReLU()]
        self.value = nn.Sequential(*value)

    def forward(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(observations), self.forward_critic(observations)

    def forward_actor(self, observations: torch.Tensor) -> torch.Tensor:
        """Outputs before the head, float32 (n, actions), of raw observations (n, features)."""
        return self.network(observations)

    def forward_critic(self, observations: torch.Tensor) -> torch.Tensor:
        """What the value is read from, of raw observations (n, features)."""
        return self.value(observations)


class _Normalisation(nn.Module):
    """Zero mean and unit variance over all observations met so far. It learns in rollouts, where Stable-Baselines3
    calls it out of training, and rests in updates."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.tensor(0.0, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(features, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(features, dtype=torch.float64))

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        if not self.training:
            self._meet(observations.double())
        deviation = (self.squares / self.count.clamp_min(1)).sqrt().clamp_min(1e-4)
        return ((observations - self.mean) / deviation).clamp(-_LIMIT, _LIMIT).float()

    @torch.no_grad()
    def _meet(self, observations: torch.Tensor) -> None:
        """Chan et al. (1979), Updating formulae and a pairwise algorithm for computing sample variances."""
        met, mean = len(observations), observations.mean(dim=0)
        total, shift = self.count + met, mean - self.mean
        self.squares += (observations - mean).square().sum(dim=0) + shift.square() * self.count * met / total
        self.mean += shift * met / total
        self.count.copy_(total)
