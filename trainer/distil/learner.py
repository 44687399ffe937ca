"""The student while it learns: float first, pruned on the way, then in the integers that will be exported."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from ..compression.calibration import calibrate, fold_observation_scales
from ..compression.layers import ObservationQuantiser, SparseLinear
from ..compression.pruning import allocate, apply_mask
from ..teacher import Teacher, squash
from .compaction import compact
from .dataset import Batch
from .freezing import Freezer
from .labels import student_head
from .saliency import saliency
from .selection import select
from .settings import Settings

_RARELY = 3e-4  # a neuron that is active in a smaller share of the observations counts as dead


class Learner:
    """A student that sees the ranges that `observations` (n, features) span. It begins as a copy of its teacher, with
    the normaliser folded in; where the teacher's hidden activations are not ReLU, as a fresh network of its widths."""

    def __init__(self, teacher: Teacher, observations: torch.Tensor, settings: Settings) -> None:
        self.settings = settings
        self.head = student_head(teacher, settings)
        self.layers = _begin(teacher, settings.seed)
        self.shapes = [(layer.out_features, layer.in_features) for layer in self.layers]
        seen = teacher.normaliser.saturate(observations) if teacher.normaliser else observations
        self.observation = fold_observation_scales(self.layers[0], seen, settings.bits.observations)
        self.optimizer = _adam(self.layers, settings)
        self.freezer: Freezer | None = None

    @property
    def nonzeros(self) -> int:
        """Weights that the masks keep."""
        return sum(layer.nonzeros for layer in self.layers)

    @property
    def weights(self) -> int:
        """Weights of the dense network that the student began as."""
        return sum(rows * columns for rows, columns in self.shapes)

    @property
    def quantised(self) -> bool:
        """Whether the student computes in integers."""
        return self.layers[0].quantiser is not None

    def means(self, observations: torch.Tensor) -> torch.Tensor:
        """Outputs before the head, float32 (n, actions), of raw observations (n, features)."""
        return self._values(observations)[-1]

    @torch.no_grad()
    def act(self, observations: np.ndarray) -> np.ndarray:
        """Actions (n, actions) in [-1, 1] of raw float32 observations (n, features)."""
        return squash(self.head, self.means(torch.from_numpy(observations))).numpy()

    def update(self, batch: Batch, learning_rate: float) -> torch.Tensor:
        """One step of Adam on the weighted squared errors of actions and of means; the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        means = self.means(batch.observations)
        action_error = (squash(self.head, means) - batch.labels.actions).square() * batch.labels.weights
        mean_error = (means - batch.labels.means).square()
        loss = action_error.mean() + self.settings.mean_loss * mean_error.mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.freezer:
            self.freezer.hold()
        return loss.detach()

    @torch.no_grad()
    def prune(self, sparsity: float, observations: torch.Tensor) -> None:
        """Keep the best weights, exactly 1 - `sparsity` of the dense network's where so many live ones are left."""
        inputs = [self._scaled(observations), *self._values(observations)[:-1]]
        scores = saliency(self.settings.saliency, self.layers, inputs, self.optimizer)
        alive = [(values > 0).float().mean(dim=0) > _RARELY for values in inputs[1:]]
        masks = select(scores, self._budgets(sparsity), alive, self.settings.width, self.settings.pattern)
        for layer, mask in zip(self.layers, masks, strict=True):
            layer.mask.copy_(mask)
            apply_mask(layer, self.optimizer)
        compact(self.layers, self.optimizer, self.settings.pattern)

    def quantise(self, observations: torch.Tensor) -> None:
        """Begin to compute in integers, or choose the exponents anew."""
        rounds = not self.settings.freezes or (self.freezer is not None and self.freezer.complete)
        calibrate(self.layers, observations, self.settings.bits, folded=self.observation, rounds_weights=rounds)

    def freeze(self, share: float) -> None:
        """Round `share` of the weights for good; with all of them, compute in integers from now on."""
        self.freezer = self.freezer or Freezer(self.layers)
        self.freezer.freeze(share)
        for layer in self.layers:
            layer.quantiser.rounds_weights = self.freezer.complete
            layer.forget()

    def _budgets(self, sparsity: float) -> Sequence[int] | int:
        if self.settings.allocation == "global":
            return self.weights - round(sparsity * self.weights)
        shares = allocate(self.shapes, sparsity, self.settings.allocation)
        return [r * c - round(share * r * c) for (r, c), share in zip(self.shapes, shares, strict=True)]

    def _values(self, observations: torch.Tensor) -> list[torch.Tensor]:
        values = observations if self.quantised else self._scaled(observations)
        outputs = []
        for layer in self.layers[:-1]:
            values = torch.relu(layer(values))
            outputs.append(values)
        return [*outputs, self.layers[-1](values)]

    def _scaled(self, observations: torch.Tensor) -> torch.Tensor:
        codes = observations * self.observation.gain + (self.observation.offset - 0.5)
        return codes * 2.0**self.observation.exponent

    @property
    def state(self) -> dict:
        """What a snapshot keeps."""
        layers = [(layer.weight.data, layer.bias.data, layer.mask, layer.quantiser) for layer in self.layers]
        return {
            "layers": layers,
            "observation": self.observation,
            "optimizer": self.optimizer.state_dict(),
            "freezer": self.freezer and self.freezer.state,
        }

    def restore(self, state: dict) -> None:
        """Go on from `state`."""
        self.layers = [_layer(weight, bias) for weight, bias, _, _ in state["layers"]]
        for layer, (_, _, mask, quantiser) in zip(self.layers, state["layers"], strict=True):
            layer.mask = mask
            layer.set_quantiser(quantiser)
        self.observation: ObservationQuantiser = state["observation"]
        self.optimizer = _adam(self.layers, self.settings)
        self.optimizer.load_state_dict(state["optimizer"])
        self.freezer = Freezer(self.layers, state["freezer"]) if state["freezer"] else None


def _begin(teacher: Teacher, seed: int) -> list[SparseLinear]:
    if teacher.rectifies:
        layers = [_layer(linear.weight.detach().clone(), linear.bias.detach().clone()) for linear in teacher.linears]
    else:
        random = torch.Generator().manual_seed(seed)
        layers = [_fresh(linear.weight.shape, random) for linear in teacher.linears]
    if teacher.normaliser:
        with torch.no_grad():
            layers[0].weight.div_(teacher.normaliser.deviation)
            layers[0].bias.sub_((layers[0].weight.double() @ teacher.normaliser.mean.double()).float())
    return layers


def _fresh(shape: torch.Size, random: torch.Generator) -> SparseLinear:
    """Weights for ReLU networks (He et al. 2015, arXiv 1502.01852)."""
    weight = torch.randn(shape, generator=random) * (2 / shape[1]) ** 0.5
    return _layer(weight, torch.zeros(shape[0]))


def _layer(weight: torch.Tensor, bias: torch.Tensor) -> SparseLinear:
    linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
    linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
    return SparseLinear(linear)


def _adam(layers: Sequence[SparseLinear], settings: Settings) -> torch.optim.Adam:
    parameters = [parameter for layer in layers for parameter in (layer.weight, layer.bias)]
    return torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)
