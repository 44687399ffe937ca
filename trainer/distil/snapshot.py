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
    file, text = folder / _CLAIM, json.dumps(run, indent=1)
    if file.exists() and file.read_text() != text:
        raise DistilError(
            f"{folder} holds the run of another teacher or with other settings; choose another folder or remove it"
        )
    partial = file.with_suffix(".partial")
    partial.write_text(text)
    os.replace(partial, file)


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
