"""One file per algorithm: every hyperparameter, the presets, and how its models are made and compressed."""

from __future__ import annotations

from ..protocol import Protocol
from . import dqn, sac
from .recipe import Recipe

RECIPES: dict[str, Recipe] = {recipe.protocol.algorithm: recipe for recipe in (sac.SacRecipe(), dqn.DqnRecipe())}


def recipe_for(protocol: Protocol) -> Recipe:
    """How runs of `protocol` are made."""
    return RECIPES[protocol.algorithm]
