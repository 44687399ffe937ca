"""CSR layers as the template csr.h.j2 prints them."""

from __future__ import annotations

from ..bounds import LayerBounds
from ..policy import Policy
from .array_steps import ArrayStep, array_steps
from .csr import pack


def csr_layers(name: str, policy: Policy, bounds: tuple[LayerBounds, ...]) -> list[ArrayStep]:
    """Steps of the CSR kernel, one for each layer with rows left."""
    return array_steps(name, policy, bounds, pack, {"weights": "values", "columns": "columns", "rows": "lengths"})
