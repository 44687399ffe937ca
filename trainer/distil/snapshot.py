"""A distillation that is stopped goes on from its last snapshot and ends in the same bytes."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import torch

from .settings import DistilError

_FILE = "snapshot.pt"
_CLAIM = "settings.json"


def claim(folder: Path, run: dict) -> None:
    """Make `folder` the run's that `run` describes (plain values); DistilError where it holds another one's."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _CLAIM
    if file.exists() and not owns(folder, run):
        raise DistilError(
            f"{folder} holds the run of another teacher or with other settings; choose another folder or remove it"
        )
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(run, indent=1))
    os.replace(partial, file)


def owns(folder: Path, run: dict) -> bool:
    """Whether `folder` is claimed by the run that `run` describes."""
    file = folder / _CLAIM
    return file.exists() and file.read_text() == json.dumps(run, indent=1)


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
