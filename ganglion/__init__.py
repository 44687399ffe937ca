"""Reinforcement-learning policies as a few kilobytes of integer code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .loading import CompiledPolicy

__version__ = "0.1.0"


def load(path: str | Path) -> CompiledPolicy:
    """The compiled policy in `path`, with `predict` as Stable-Baselines3's models have it.

    `path` is a shared library ("policy.so"), an actor (.safetensors), or the folder that `ganglion compile` or
    `ganglion export` wrote; the last two are compiled by the host's C compiler, once. Errors explain themselves
    (LibraryError, ActorError, DeviceError).
    """
    from .loading import CompiledPolicy

    return CompiledPolicy(path)
