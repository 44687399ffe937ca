"""Weights rounded for good in steps, the largest first, while the others go on learning (incremental network
quantisation: Zhou et al. 2017, arXiv 1702.03044): for codes so coarse that gradients straight through do not help."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..compression.layers import SparseLinear

_CLIPS = (0, 1)  # how many powers of two the largest weight of a row may be cut by, where that loses less


class Freezer:
    """Rounds `layers` (calibrated), each row in the unit that it has now; `state` goes on from an earlier one."""

    @torch.no_grad()
    def __init__(self, layers: Sequence[SparseLinear], state: dict | None = None) -> None:
        self.layers = layers
        state = state or {
            "share": 0.0,
            "exponents": [_exponents(layer) for layer in layers],
            "frozen": [torch.zeros_like(layer.weight, dtype=torch.bool) for layer in layers],
            "values": [torch.zeros_like(layer.weight) for layer in layers],
        }
        self.share, self.exponents, self.frozen, self.values = state.values()

    @property
    def complete(self) -> bool:
        """Whether all weights are frozen."""
        return self.share == 1.0

    @torch.no_grad()
    def freeze(self, share: float) -> None:
        """Freeze the largest weights of each layer until `share` of those that its mask keeps are."""
        self.share = share
        for layer, exponents, frozen, values in zip(self.layers, self.exponents, self.frozen, self.values, strict=True):
            magnitude = torch.where(layer.mask.bool(), layer.weight.abs(), -1.0).masked_fill(frozen, torch.inf)
            chosen = torch.zeros_like(frozen)
            chosen.view(-1)[magnitude.flatten().topk(round(share * layer.nonzeros)).indices] = True
            values.copy_(torch.where(chosen & ~frozen, _rounded(layer, exponents), values))
            frozen.copy_(chosen)
        self.hold()

    @torch.no_grad()
    def hold(self) -> None:
        """Undo what an optimiser did to frozen weights."""
        for layer, frozen, values in zip(self.layers, self.frozen, self.values, strict=True):
            layer.weight.copy_(torch.where(frozen, values, layer.weight))

    @property
    def state(self) -> dict:
        """What a snapshot keeps."""
        return {"share": self.share, "exponents": self.exponents, "frozen": self.frozen, "values": self.values}


def _exponents(layer: SparseLinear) -> torch.Tensor:
    """For each row the exponent that loses least, of the one that clips nothing and finer ones; int64 (rows,)."""
    weight = layer.weight * layer.mask
    finest = layer.quantiser.smallest_exponents(layer.bias)
    coarse = layer.quantiser.weight_exponents(weight, layer.bias)
    clips = _CLIPS if layer.quantiser.per_row else _CLIPS[:1]
    candidates = torch.stack([torch.maximum(coarse - clip, torch.minimum(finest, coarse)) for clip in clips])
    errors = torch.stack([(_rounded(layer, exponents) - weight).square().sum(dim=1) for exponents in candidates])
    return candidates.gather(0, errors.argmin(dim=0)[None])[0]


def _rounded(layer: SparseLinear, exponents: torch.Tensor) -> torch.Tensor:
    weight = layer.weight * layer.mask
    return layer.quantiser.weight_codes(weight, exponents) * torch.exp2(exponents.float())[:, None]
