"""Scattered layers as the template scatter.h.j2 prints them."""

from __future__ import annotations

from ..bounds import LayerBounds
from ..policy import Policy
from .array_steps import ArrayStep, array_steps
from .scatter import pack


def scatter_layers(name: str, policy: Policy, bounds: tuple[LayerBounds, ...]) -> list[ArrayStep]:
    """Steps of the kernel, one for each layer with rows left."""
    return array_steps(name, policy, bounds, pack, {"weights": "values", "rows": "rows", "columns": "lengths"})
