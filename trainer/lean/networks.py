"""Forward and backward passes of SAC's networks without autograd's bookkeeping.

For multilayer perceptrons of this size a tape and fresh memory cost as much as the arithmetic. Here a network writes
into buffers that it keeps for one batch size, the critics side by side in one batched product; gradients go where
`FlatAdam` reads them. A pass back belongs to the latest pass forward.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from ..compression.layers import Quantiser, Rounding, SparseLinear
from ..compression.rounding import JointRounding, rounds_jointly
from .adam import FlatAdam
from .flat import Flat

_through_relu = torch.ops.aten.threshold_backward.grad_input
_through_range = torch.ops.aten.hardtanh_backward.grad_input


class Critics:
    """The Q-networks of a Stable-Baselines3 critic side by side.

    Layer i has weights (networks, outputs, inputs) and biases (networks, outputs).
    """

    def __init__(self, critic: nn.Module) -> None:
        networks = [[layer for layer in network if isinstance(layer, nn.Linear)] for network in critic.q_networks]
        layers = list(zip(*networks, strict=True))
        kinds = ("weight", "bias")
        self.flat = Flat([[getattr(linear, kind) for linear in layer] for kind in kinds for layer in layers])
        stacks = self.flat.stacks(self.flat.values)
        self._weights, self._biases = stacks[: len(layers)], stacks[len(layers) :]
        self._seen: list[torch.Tensor] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Values (networks, batch) of inputs (batch, features + actions)."""
        self._fit(len(inputs))
        values = inputs.expand(len(self._weights[0]), *inputs.shape)
        self._seen = [values]
        for weight, bias, hidden in zip(self._weights, self._biases, self._hidden, strict=False):
            values = torch.baddbmm(bias[:, None], values, weight.transpose(1, 2), out=hidden).relu_()
            self._seen.append(values)
        return torch.baddbmm(self._biases[-1][:, None], values, self._weights[-1].transpose(1, 2))[..., 0]

    def _fit(self, batch: int) -> None:
        if not hasattr(self, "_hidden") or self._hidden[0].shape[1] != batch:
            self._hidden = [weight.new_empty(len(weight), batch, weight.shape[1]) for weight in self._weights[:-1]]
            self._gradients = [torch.empty_like(hidden) for hidden in self._hidden]


class TrainedCritics(Critics):
    """Critics with an optimiser."""

    def __init__(self, critic: nn.Module) -> None:
        super().__init__(critic)
        self.adam = FlatAdam(critic.optimizer, self.flat)
        stacks = self.flat.stacks(self.adam.gradients)
        self._weight_gradients = stacks[: len(self._weights)]
        self._bias_gradients = stacks[len(self._weights) :]

    def backward(self, gradient: torch.Tensor) -> None:
        """Write the gradient of every parameter for d loss / d values (networks, batch)."""
        gradient = gradient[..., None]
        for index in reversed(range(len(self._weights))):
            torch.bmm(gradient.transpose(1, 2), self._seen[index], out=self._weight_gradients[index])
            torch.sum(gradient, 1, out=self._bias_gradients[index])
            if index:
                below = torch.bmm(gradient, self._weights[index], out=self._gradients[index - 1])
                gradient = _through_relu(below, self._seen[index], 0.0, grad_input=below)

    def action_gradient(self, values: torch.Tensor, features: int) -> torch.Tensor:
        """d (smallest value) / d actions (batch, actions), for `values` from `forward`; actions follow `features`.

        Every row goes back through the one network that it depends on, rows of a network side by side.
        """
        networks, batch = values.shape
        smallest = values.argmin(0)
        order = smallest.argsort()
        counts = torch.bincount(smallest, minlength=networks).tolist()
        network = smallest[order]
        rows = network * batch + order
        gradient = self._weights[-1][:, 0].index_select(0, network)
        for index in reversed(range(1, len(self._weights))):
            seen = self._seen[index].flatten(0, 1).index_select(0, rows)
            _through_relu(gradient, seen, 0.0, grad_input=gradient)
            weights = self._weights[index - 1] if index > 1 else self._weights[0][:, :, features:]
            parts = zip(gradient.split(counts), weights, strict=True)
            gradient = torch.cat([part @ weight for part, weight in parts])
        return torch.empty_like(gradient).index_copy_(0, order, gradient)


class Actor:
    """The mean and standard-deviation path of a SAC actor, plain or sparse, float or integer.

    Both heads are one layer here, means first. Masks of sparse layers become views of one vector, as parameters do.
    """

    def __init__(self, actor: nn.Module) -> None:
        self.linears = [*(layer for layer in actor.latent_pi if isinstance(layer, nn.Linear)), actor.mu, actor.log_std]
        blocks = [[linear] for linear in self.linears[:-2]] + [self.linears[-2:]]
        kinds = ("weight", "bias")
        self.flat = Flat([[getattr(linear, kind) for linear in block] for kind in kinds for block in blocks])
        self.adam = FlatAdam(actor.optimizer, self.flat)
        self._mask, self._used = torch.ones_like(self.flat.values), torch.empty_like(self.flat.values)
        for linear, view in zip(self.linears, self.flat.views(self._mask), strict=False):
            if isinstance(linear, SparseLinear):
                linear.mask = view.copy_(linear.mask)
        used, gradients = (
            [stack.flatten(0, 1) if len(stack) > 1 else stack[0] for stack in self.flat.stacks(vector)]
            for vector in (self._used, self.adam.gradients)
        )
        self._layers = [
            _Layer(linear, index < len(blocks) - 1, *used[index :: len(blocks)], *gradients[index :: len(blocks)])
            for index, (linear, *_) in enumerate(blocks)
        ]
        self._version: tuple[int, ...] = ()
        self._quantisers: list[Quantiser | None] = []
        self._joint: JointRounding | None = None

    def forward(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and log standard deviations (batch, actions); they last until the next pass of as many rows."""
        self._refresh()
        quantiser = _quantiser(self.linears[0])
        values = observations if quantiser is None else quantiser.observation(observations)
        for layer in self._layers:
            values = layer.forward(values)
        return values.chunk(2, dim=1)

    def backward(self, mean: torch.Tensor, log_std: torch.Tensor) -> None:
        """Write the gradient of every parameter for d loss / d mean and d log_std of the first rows (rows, actions)."""
        gradient = torch.cat([mean, log_std], dim=1)
        for index in reversed(range(len(self._layers))):
            gradient = self._layers[index].backward(gradient, below=index > 0)
        self.adam.gradients.mul_(self._mask)

    def _refresh(self) -> None:
        """Mask and round what has changed since the last time."""
        masks = [linear.mask for linear in self.linears if isinstance(linear, SparseLinear)]
        version = tuple(tensor._version for tensor in (*self.flat.parameters, *masks))
        quantisers = [_quantiser(linear) for linear in self.linears]
        if changed := list(map(id, quantisers)) != list(map(id, self._quantisers)):
            self._quantisers, self._joint = quantisers, self._joint_rounding()
        if changed or version != self._version:
            self._version = version
            torch.mul(self.flat.values, self._mask, out=self._used)
            for part in self._layers if self._joint is None else [self._joint]:
                part.round()

    def _joint_rounding(self) -> JointRounding | None:
        """Rounds all layers in one go where that can be done: all but the deviation's, the last in each half."""
        layers = [linear for linear in self.linears[:-1] if isinstance(linear, SparseLinear)]
        if len(layers) < len(self.linears) - 1 or not rounds_jointly(layers):
            return None
        for layer in self._layers:
            layer.wide = False
        count = sum(linear.weight.numel() for linear in self.linears)
        weights, biases = self._used[:count], self._used[count:]
        deviation = self.linears[-1]
        return JointRounding(layers, weights[: -deviation.weight.numel()], biases[: -deviation.bias.numel()])


class _Layer:
    """A hidden layer of the actor, or both heads as one, of which the rows of `linear` come first.

    `weight` (outputs, inputs) and `bias` are what is computed with. Buffers are kept for every number of rows.
    """

    def __init__(self, linear: nn.Linear, relu: bool, weight: torch.Tensor, bias: torch.Tensor,
                 weight_gradient: torch.Tensor, bias_gradient: torch.Tensor) -> None:  # fmt: skip
        self._linear, self._relu, self._weight, self._bias = linear, relu, weight, bias
        self._weight_gradient, self._bias_gradient = weight_gradient, bias_gradient
        self.wide = False
        self._buffers: dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}

    def round(self) -> None:
        """Replace the masked weights of an integer layer by the rounded ones."""
        self.wide = False
        quantiser = _quantiser(self._linear)
        if quantiser is not None and quantiser.rounds_weights:
            own, rows = self._weight[: self._linear.out_features], self._linear.out_features
            weight, self._bias[:rows] = self._linear.rounded(scratch=own)
            self.wide = weight.dtype == torch.float64
            if self.wide or weight.data_ptr() != own.data_ptr():
                own.copy_(weight)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Outputs (rows, outputs) of inputs (rows, inputs), behind the ReLU if there is one."""
        self._seen = values
        self._sums, outputs, self._below = self._fit(values)
        if self.wide:
            sums = nn.functional.linear(values.double(), self._weight.double(), self._bias.double())
            self._sums.copy_(sums)
        else:
            sums = torch.addmm(self._bias, values, self._weight.t(), out=self._sums)
        if (quantiser := _quantiser(self._linear)) is None:
            return sums.relu_() if self._relu else sums
        rows = self._linear.out_features
        if rows < len(self._weight):
            outputs[:, rows:] = sums[:, rows:]
        quantiser.output.round(sums[:, :rows], out=outputs[:, :rows])
        return outputs

    def backward(self, gradient: torch.Tensor, below: bool) -> torch.Tensor | None:
        """Write the gradients of weights and biases for that of the first rows' outputs; that of their inputs."""
        batch, rows = len(gradient), self._linear.out_features
        if (passing := self._passing()) is not None:
            own = gradient[:, :rows]
            _through_range(own, self._sums[:batch, :rows], *passing, grad_input=own)
        torch.mm(gradient.t(), self._seen[:batch], out=self._weight_gradient)
        torch.sum(gradient, 0, out=self._bias_gradient)
        return torch.mm(gradient, self._weight, out=self._below[:batch]) if below else None

    def _passing(self) -> tuple[float, float] | None:
        """Between which sums, bounds excluded, gradients pass; None where all do."""
        if (quantiser := _quantiser(self._linear)) is not None:
            return _unsaturated(quantiser.output, self._relu)
        return (0.0, math.inf) if self._relu else None

    def _fit(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        if len(values) not in self._buffers:
            sums = torch.empty(len(values), len(self._weight))
            self._buffers[len(values)] = sums, torch.empty_like(sums), torch.empty(values.shape)
        return self._buffers[len(values)]


def _quantiser(linear: nn.Linear) -> Quantiser | None:
    return getattr(linear, "quantiser", None)


@lru_cache
def _unsaturated(rounding: Rounding, relu: bool) -> tuple[float, float]:
    """Bounds beside the first sum that is not rounded to 0 (behind a ReLU) and the last that does not saturate."""
    low, high = rounding.range
    unit = np.float32(2.0**rounding.exponent)
    below = np.nextafter(np.float32(0.5 if relu else low), -np.float32(np.inf)) * unit
    above = np.nextafter(np.float32(high), np.float32(np.inf)) * unit
    return float(below), float(above)
