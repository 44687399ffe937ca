"""One step of `torch.optim.Adam` without the per-call overhead of the optimiser object.

Moments and step counts stay in the optimiser's own state, so that saving, loading and `optimizer.step()` mix freely.
"""

from __future__ import annotations

import torch


def adam_step(optimizer: torch.optim.Adam) -> None:
    """Update every parameter from its `.grad`, as `optimizer.step()` would; the fused kernel is used."""
    for group in optimizer.param_groups:
        parameters = group["params"]
        states = [_state(optimizer, parameter) for parameter in parameters]
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1)
        torch._fused_adam_(
            parameters,
            [parameter.grad for parameter in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            steps,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )
        torch.autograd.graph.increment_version(parameters)  # the kernel does not, and layers cache by version


def _state(optimizer: torch.optim.Adam, parameter: torch.nn.Parameter) -> dict[str, torch.Tensor]:
    state = optimizer.state[parameter]
    if not state:
        state["step"] = torch.zeros((), dtype=torch.float32)
        state["exp_avg"] = torch.zeros_like(parameter)
        state["exp_avg_sq"] = torch.zeros_like(parameter)
    return state
