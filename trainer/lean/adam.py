"""`torch.optim.Adam` in one call of one kernel over one vector of parameters."""

from __future__ import annotations

import torch

from .flat import Flat


class FlatAdam:
    """Takes the steps of `optimizer` for the parameters in `flat`.

    Moments and step counts stay in the optimiser's own state, as views of vectors, so that saving, loading and
    `optimizer.step()` mix freely. Gradients are read from `gradients`, of which every parameter's `.grad` is a view.
    """

    def __init__(self, optimizer: torch.optim.Adam, flat: Flat) -> None:
        self.optimizer, self._flat = optimizer, flat
        self.gradients = torch.zeros_like(flat.values)
        for parameter, view in zip(flat.parameters, flat.views(self.gradients), strict=True):
            parameter.grad = view
        self._adopt()

    def follow(self) -> None:
        """Take over moments that were put in the optimiser's state since: it was loaded."""
        if self.optimizer.state[self._flat.parameters[0]].get("exp_avg") is not self._first:
            self._adopt()

    def step(self) -> None:
        """Update every parameter, as `optimizer.step()` would; the fused kernel is used."""
        (group,) = self.optimizer.param_groups
        self._steps.add_(1)
        torch._fused_adam_(
            [self._flat.values],
            [self.gradients],
            [self._mean],
            [self._square],
            [],
            [self._steps[0]],
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )
        torch.autograd.graph.increment_version(self._flat.parameters)  # layers cache by version

    def _adopt(self) -> None:
        flat = self._flat
        self._mean, self._square = torch.zeros_like(flat.values), torch.zeros_like(flat.values)
        self._steps = torch.zeros(len(flat.parameters))
        moments = zip(self._steps.unbind(), flat.views(self._mean), flat.views(self._square), strict=True)
        for parameter, (step, mean, square) in zip(flat.parameters, moments, strict=True):
            state = self.optimizer.state[parameter]
            for name, view in (("step", step), ("exp_avg", mean), ("exp_avg_sq", square)):
                if name in state:
                    view.copy_(state[name])
                state[name] = view
        self._first = self.optimizer.state[flat.parameters[0]]["exp_avg"]
