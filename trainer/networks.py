"""Forward and backward passes of SAC's networks without autograd's bookkeeping.

For multilayer perceptrons of this size a tape costs as much as the arithmetic. Here a network is a list of stacked
layers (networks, outputs, inputs), the critics side by side in one batched product; gradients go into `.grad`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .layers import Rounding, SparseLinear

Tensors = list[torch.Tensor]
_through_relu = torch.ops.aten.threshold_backward
_through_range = torch.ops.aten.hardtanh_backward


@dataclass(frozen=True)
class Gate:
    """Lets gradients of a layer's outputs pass where `values` lie strictly between `low` and `high`."""

    values: torch.Tensor
    low: float
    high: float

    def __call__(self, gradient: torch.Tensor) -> torch.Tensor:
        return _through_range(gradient, self.values, self.low, self.high)


Gates = list[Gate | None]


class Critics:
    """The Q-networks of a Stable-Baselines3 critic, their parameters turned into views of stacked tensors."""

    def __init__(self, critic: nn.Module) -> None:
        linears = [[layer for layer in network if isinstance(layer, nn.Linear)] for network in critic.q_networks]
        self.weights = [_stack([layer.weight for layer in layers]) for layers in zip(*linears, strict=True)]
        self.biases = [_stack([layer.bias for layer in layers]) for layers in zip(*linears, strict=True)]
        self.parameters = [*self.weights, *self.biases]

    @torch.no_grad()
    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, Tensors]:
        """Values (networks, batch) of inputs (batch, features + actions), and the inputs of every layer."""
        values, seen = inputs.expand(len(self.weights[0]), *inputs.shape), []
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            seen.append(values)
            values = torch.baddbmm(bias[:, None], values, weight.transpose(1, 2))
            if index < len(self.weights) - 1:
                values = values.relu_()
        return values[..., 0], seen

    @torch.no_grad()
    def backward(self, gradient: torch.Tensor, seen: Tensors) -> None:
        """Write the gradient of every parameter for d loss / d values (networks, batch)."""
        gradient = gradient[..., None]
        for index in reversed(range(len(self.weights))):
            torch.bmm(gradient.transpose(1, 2), seen[index], out=self.weights[index].gradient)
            torch.sum(gradient, 1, out=self.biases[index].gradient)
            if index:
                gradient = _through_relu(torch.bmm(gradient, self.weights[index]), seen[index], 0.0)

    @torch.no_grad()
    def input_gradient(self, gradient: torch.Tensor, seen: Tensors) -> torch.Tensor:
        """d loss / d inputs (batch, features + actions), summed over the networks."""
        gradient = gradient[..., None]
        for index in reversed(range(1, len(self.weights))):
            gradient = _through_relu(torch.bmm(gradient, self.weights[index]), seen[index], 0.0)
        return torch.bmm(gradient, self.weights[0]).sum(0)


class Actor:
    """The mean and standard-deviation path of a SAC actor, plain or sparse, float or integer."""

    def __init__(self, actor: nn.Module) -> None:
        self.hidden = [layer for layer in actor.latent_pi if isinstance(layer, nn.Linear)]
        self.heads = [actor.mu, actor.log_std]

    @torch.no_grad()
    def forward(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, Tensors, Gates]:
        """Means and log standard deviations (batch, actions), the inputs of every layer, and where gradients pass."""
        seen, gates = [], []
        first = getattr(self.hidden[0], "quantiser", None)
        if first is not None:
            values = first.observation(values)
        for layer in self.hidden:
            seen.append(values)
            values, gate = _activate(layer, _linear(layer, values), relu=True)
            gates.append(gate)
        seen.append(values)
        mean, mean_gate = _activate(self.heads[0], _linear(self.heads[0], values), relu=False)
        gates.append(mean_gate)
        return mean, _linear(self.heads[1], values), seen, gates

    @torch.no_grad()
    def backward(self, mean: torch.Tensor, log_std: torch.Tensor, seen: Tensors, gates: Gates) -> None:
        """Write the gradient of every parameter for d loss / d mean and d loss / d log_std (batch, actions)."""
        mean = mean if gates[-1] is None else gates[-1](mean)
        gradient = torch.zeros_like(seen[-1])
        for layer, outer in zip(self.heads, (mean, log_std), strict=True):
            _write_gradient(layer, outer, seen[-1])
            gradient.addmm_(outer, _weight(layer))
        for index in reversed(range(len(self.hidden))):
            gradient = gates[index](gradient)
            _write_gradient(self.hidden[index], gradient, seen[index])
            if index:
                gradient = gradient @ _weight(self.hidden[index])


def _stack(parameters: list[nn.Parameter]) -> torch.Tensor:
    stacked = torch.stack([parameter.data for parameter in parameters])
    stacked.gradient = torch.zeros_like(stacked)
    for index, parameter in enumerate(parameters):
        parameter.data, parameter.grad = stacked[index], stacked.gradient[index]
    return stacked


def _linear(layer: nn.Linear, values: torch.Tensor) -> torch.Tensor:
    weight, bias = layer.in_use() if isinstance(layer, SparseLinear) else (layer.weight, layer.bias)
    return nn.functional.linear(values.to(weight.dtype), weight, bias)


def _weight(layer: nn.Linear) -> torch.Tensor:
    return layer.in_use()[0].float() if isinstance(layer, SparseLinear) else layer.weight


def _activate(layer: nn.Linear, sums: torch.Tensor, relu: bool) -> tuple[torch.Tensor, Gate | None]:
    quantiser = getattr(layer, "quantiser", None)
    if quantiser is not None:
        return quantiser.output.round(sums), _gate(sums, quantiser.output, relu)
    outputs = sums.relu_() if relu else sums
    return outputs, (Gate(outputs, 0.0, math.inf) if relu else None)


def _gate(sums: torch.Tensor, rounding: Rounding, relu: bool) -> Gate:
    """Open from the first sum that is not rounded to 0 (behind a ReLU) to the last that does not saturate."""
    low, high = rounding.range
    unit = np.float32(2.0**rounding.exponent)
    below = np.nextafter(np.float32(0.5 if relu else low), -np.float32(np.inf)) * unit
    above = np.nextafter(np.float32(high), np.float32(np.inf)) * unit
    return Gate(sums.float(), float(below), float(above))


def _write_gradient(layer: nn.Linear, gradient: torch.Tensor, values: torch.Tensor) -> None:
    layer.weight.grad = gradient.T @ values
    if isinstance(layer, SparseLinear):
        layer.weight.grad.mul_(layer.mask)
    layer.bias.grad = gradient.sum(0)
