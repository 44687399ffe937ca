"""Which weights stay: the highest scores, none of them spent on a neuron that is dead."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..compression.patterns import Pattern, keep_largest, mean_of_units, units_to_mask
from ..compression.pruning import cut_weakest


def select(
    scores: Sequence[torch.Tensor],
    budgets: Sequence[int] | int,
    alive: Sequence[torch.Tensor],
    width: int | None = None,
    pattern: Pattern = "unstructured",
) -> list[torch.Tensor]:
    """Masks (float, 0 or 1) of the `budgets` highest scores: one number for all layers together, or one per layer.

    Weights with score 0 are never chosen. A hidden neuron that loses all its inputs or all its readers, that `alive`
    (one bool vector per hidden layer) calls dead, or that is not among the `width` best of its layer takes the weights
    around it with it, and what they leave is given to others, until nothing changes. Where so few weights are left that
    no network of that size exists, there are fewer.

    With `pairs` two neighbouring inputs of a row are chosen by their mean score, and two neighbouring neurons live as
    long as one of them does, so that pairs stay pairs. With `neurons` whole ones go, lowest mean score of the weights
    around them first, until what is left, dense, is within `budgets` (one number).
    """
    scores = [score.clone() for score in scores]
    for index, living in enumerate(alive):
        _bury(scores, index, ~living)
    if width is not None:
        for index in range(len(alive)):
            _bury(scores, index, _beyond(scores, index, width, pattern))
    if pattern == "neurons":
        return _select_neurons(scores, budgets)
    masks = _settle([score.clone() for score in scores], budgets, pattern, at_once=True)
    if _count(masks) < _count(_highest(scores, budgets, pattern)):
        masks = max(masks, _settle(scores, budgets, pattern, at_once=False), key=_count)
    return masks


def of_pairs(flags: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    """Where `flags` (bool, one per neuron) hold for all neurons that live and die together; the last of an odd number
    is alone."""
    if pattern != "pairs":
        return flags
    even = torch.cat([flags, flags[len(flags) - len(flags) % 2 :]])
    return even.unflatten(0, (-1, 2)).all(dim=1).repeat_interleave(2)[: len(flags)]


def _select_neurons(scores: list[torch.Tensor], keep: int) -> list[torch.Tensor]:
    pairs = list(zip(scores, scores[1:], strict=False))
    means = [(layer.sum(dim=1) + reader.sum(dim=0)) / (layer.shape[1] + reader.shape[0]) for layer, reader in pairs]
    alive = [mean > 0 for mean in means]
    for living, mean in zip(alive, means, strict=True):
        living[mean.argmax()] = True
    kept = [torch.where(living, mean, torch.inf) for living, mean in zip(alive, means, strict=True)]
    cut_weakest(alive, kept, [scores[0].shape[1], len(scores[-1])], keep)
    masks = [torch.ones_like(score) for score in scores]
    for index, living in enumerate(alive):
        masks[index] *= living[:, None]
        masks[index + 1] *= living
    return masks


def _settle(
    scores: list[torch.Tensor], budgets: Sequence[int] | int, pattern: Pattern, at_once: bool
) -> list[torch.Tensor]:
    """Masks without stranded weights; neurons are given up all `at_once`, or one by one, which can save others."""
    while True:
        masks = _highest(scores, budgets, pattern)
        dead = [
            (of_pairs(masks[index].sum(dim=1) == 0, pattern), of_pairs(masks[index + 1].sum(dim=0) == 0, pattern))
            for index in range(len(masks) - 1)
        ]
        if not any((inputless != unread).any() for inputless, unread in dead):
            return masks
        for index, (inputless, unread) in enumerate(dead):
            stranded = inputless != unread
            if at_once:
                _bury(scores, index, inputless | unread)
            elif stranded.any():
                worth = torch.where(stranded, _worth(scores, index, pattern), torch.inf)
                _bury(scores, index, worth == worth.min())
                break


def _count(masks: list[torch.Tensor]) -> int:
    return sum(int(mask.sum()) for mask in masks)


def _bury(scores: list[torch.Tensor], layer: int, neurons: torch.Tensor) -> None:
    scores[layer][neurons] = 0.0
    scores[layer + 1][:, neurons] = 0.0


def _worth(scores: list[torch.Tensor], layer: int, pattern: Pattern) -> torch.Tensor:
    """What each neuron, or the pair that it belongs to, would leave."""
    worth = scores[layer].sum(dim=1) + scores[layer + 1].sum(dim=0)
    means, sizes = mean_of_units(worth[None], pattern)
    return (means * sizes).repeat_interleave(sizes)


def _beyond(scores: list[torch.Tensor], layer: int, width: int, pattern: Pattern) -> torch.Tensor:
    worth, sizes = mean_of_units(_worth(scores, layer, pattern)[None], pattern)
    return ~keep_largest(worth, sizes, width).repeat_interleave(sizes)


def _highest(scores: list[torch.Tensor], budgets: Sequence[int] | int, pattern: Pattern) -> list[torch.Tensor]:
    if not isinstance(budgets, int):
        return [_highest([score], budget, pattern)[0] for score, budget in zip(scores, budgets, strict=True)]
    units = [mean_of_units(score, pattern) for score in scores]
    means, sizes = (torch.cat(parts) for parts in zip(*units, strict=True))
    kept = keep_largest(means, sizes, budgets, floor=0.0).split([len(mean) for mean, _ in units])
    return [units_to_mask(score, part, pattern) for score, part in zip(scores, kept, strict=True)]
