"""Parameters of a network laid end to end, so that what concerns all of them is one operation on one vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

import torch
from torch import nn


class Flat:
    """Parameters that have become views of one vector `values`.

    They come in blocks of equal shapes, whose members lie side by side: seen as a stack, a block is one tensor
    (members, *shape). The parameters stay the objects that optimisers and saved files know.
    """

    @torch.no_grad()
    def __init__(self, blocks: Sequence[Sequence[nn.Parameter]]) -> None:
        self.parameters = list(chain.from_iterable(blocks))
        self._stacks = [(len(block), *block[0].shape) for block in blocks]
        self.values = torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters])
        for parameter, view in zip(self.parameters, self.views(self.values), strict=True):
            parameter.data = view

    def views(self, vector: torch.Tensor) -> list[torch.Tensor]:
        """A vector like `values` in the shapes of `parameters`."""
        parts = vector.split([parameter.numel() for parameter in self.parameters])
        return [part.view_as(parameter) for part, parameter in zip(parts, self.parameters, strict=True)]

    def stacks(self, vector: torch.Tensor) -> list[torch.Tensor]:
        """A vector like `values` in the shapes of the stacked blocks."""
        parts = vector.split([math.prod(shape) for shape in self._stacks])
        return [part.view(shape) for part, shape in zip(parts, self._stacks, strict=True)]
