"""Snapshots: a run that is stopped goes on from its last one and ends in the same bytes."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import torch

_FILE = "snapshot.pt"


def save(folder: Path, state: dict) -> None:
    """Replace the snapshot in `folder`, atomically."""
    partial = folder / f".{_FILE}.partial"
    torch.save(state, partial)
    os.replace(partial, folder / _FILE)


def load(folder: Path) -> dict | None:
    """The snapshot in `folder`; None where there is none that can be read."""
    try:
        return torch.load(folder / _FILE, weights_only=False)
    except (FileNotFoundError, EOFError, RuntimeError, pickle.UnpicklingError):
        return None


def discard(folder: Path) -> None:
    """Remove the snapshot of a run that is finished."""
    (folder / _FILE).unlink(missing_ok=True)
