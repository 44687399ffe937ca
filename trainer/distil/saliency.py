"""What each weight of the student is worth."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..compression.layers import SparseLinear
from .settings import Saliency


@torch.no_grad()
def saliency(
    kind: Saliency, layers: Sequence[SparseLinear], inputs: Sequence[torch.Tensor], optimizer: torch.optim.Optimizer
) -> list[torch.Tensor]:
    """One score per weight, 0 for those that are pruned; `inputs` are the values (n, columns) that enter each layer.

    `second-order` is |w| sqrt(v) with Adam's second moment v, an estimate of the diagonal of the Hessian (optimal brain
    damage: LeCun et al. 1990); `activation` is |w| times the input's root mean square (Wanda: Sun et al. 2023, arXiv
    2306.11695); `magnitude` is |w|.
    """
    return [_score(kind, layer, values, optimizer) for layer, values in zip(layers, inputs, strict=True)]


def _score(kind: Saliency, layer: SparseLinear, values: torch.Tensor, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    magnitude = (layer.weight * layer.mask).abs()
    if kind == "magnitude":
        return magnitude
    if kind == "activation":
        return magnitude * values.pow(2).mean(dim=0).sqrt()
    moment = optimizer.state.get(layer.weight, {}).get("exp_avg_sq")
    return magnitude if moment is None else magnitude * (moment.sqrt() + 1e-9)
