"""Which weights stay: the highest scores, none of them spent on a neuron that is dead."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def select(
    scores: Sequence[torch.Tensor],
    budgets: Sequence[int] | int,
    alive: Sequence[torch.Tensor],
    width: int | None = None,
) -> list[torch.Tensor]:
    """Masks (float, 0 or 1) of the `budgets` highest scores: one number for all layers together, or one per layer.

    Weights with score 0 are never chosen. A hidden neuron that loses all its inputs or all its readers, that `alive`
    (one bool vector per hidden layer) calls dead, or that is not among the `width` best of its layer takes the weights
    around it with it, and what they leave is given to others, until nothing changes. Where so few weights are left that
    no network of that size exists, there are fewer.
    """
    scores = [score.clone() for score in scores]
    for index, living in enumerate(alive):
        _bury(scores, index, ~living)
    if width is not None:
        for index in range(len(alive)):
            _bury(scores, index, _beyond(scores, index, width))
    masks = _settle([score.clone() for score in scores], budgets, at_once=True)
    if _count(masks) < _count(_highest(scores, budgets)):
        masks = max(masks, _settle(scores, budgets, at_once=False), key=_count)
    return masks


def _settle(scores: list[torch.Tensor], budgets: Sequence[int] | int, at_once: bool) -> list[torch.Tensor]:
    """Masks without stranded weights; neurons are given up all `at_once`, or one by one, which can save others."""
    while True:
        masks = _highest(scores, budgets)
        stranded = [_stranded(masks, index) for index in range(len(masks) - 1)]
        if not any(neurons.any() for neurons in stranded):
            return masks
        for index, neurons in enumerate(stranded):
            if at_once:
                _bury(scores, index, _without_inputs(masks, index) | _without_readers(masks, index))
            elif neurons.any():
                worth = scores[index].sum(dim=1) + scores[index + 1].sum(dim=0)
                _bury(scores, index, torch.where(neurons, worth, torch.inf).argmin())
                break


def _stranded(masks: list[torch.Tensor], layer: int) -> torch.Tensor:
    """Which neurons have inputs but no reader, or readers but no input."""
    return _without_inputs(masks, layer) != _without_readers(masks, layer)


def _without_inputs(masks: list[torch.Tensor], layer: int) -> torch.Tensor:
    return masks[layer].sum(dim=1) == 0


def _without_readers(masks: list[torch.Tensor], layer: int) -> torch.Tensor:
    return masks[layer + 1].sum(dim=0) == 0


def _count(masks: list[torch.Tensor]) -> int:
    return sum(int(mask.sum()) for mask in masks)


def _bury(scores: list[torch.Tensor], layer: int, neurons: torch.Tensor) -> None:
    scores[layer][neurons] = 0.0
    scores[layer + 1][:, neurons] = 0.0


def _beyond(scores: list[torch.Tensor], layer: int, width: int) -> torch.Tensor:
    worth = scores[layer].sum(dim=1) + scores[layer + 1].sum(dim=0)
    beyond = torch.ones_like(worth, dtype=torch.bool)
    beyond[worth.topk(min(width, len(worth))).indices] = False
    return beyond


def _highest(scores: list[torch.Tensor], budgets: Sequence[int] | int) -> list[torch.Tensor]:
    if not isinstance(budgets, int):
        return [_highest([score], budget)[0] for score, budget in zip(scores, budgets, strict=True)]
    flat = torch.cat([score.flatten() for score in scores])
    mask = torch.zeros_like(flat)
    mask[flat.topk(min(budgets, int((flat > 0).sum()))).indices] = 1.0
    parts = mask.split([score.numel() for score in scores])
    return [part.view_as(score) for part, score in zip(parts, scores, strict=True)]
