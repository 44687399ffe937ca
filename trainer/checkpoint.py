"""Checkpoints of a training run: whole or absent, the newest readable one wins.

A checkpoint is a folder `step-000120000/` written under a temporary name and renamed when every
file in it is on disk, so that a run that is killed at any moment resumes from the one before.
"""

from __future__ import annotations

import os
import pickle
import random
import shutil
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

_KEEP = 2


def save_checkpoint(model: OffPolicyAlgorithm, folder: Path, extra: dict) -> Path:
    """Write model, replay buffer, random states and `extra` (tensors and plain values) atomically."""
    final = folder / f"step-{model.num_timesteps:09d}"
    partial = folder / f".partial-{model.num_timesteps:09d}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    model.save(partial / "model.zip")
    model.save_replay_buffer(partial / "replay.pkl")
    torch.save({"random": _random_states(), "extra": extra}, partial / "state.pt")
    for file in partial.iterdir():
        _flush(file)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    for old in list_checkpoints(folder)[:-_KEEP]:
        shutil.rmtree(old)
    return final


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints of a run, oldest first."""
    return sorted(folder.glob("step-*"))


def load_checkpoint(folder: Path, algorithm: type[OffPolicyAlgorithm], env) -> tuple[OffPolicyAlgorithm, dict] | None:
    """The newest checkpoint that can be read, its random states restored; None where there is none."""
    for path in reversed(list_checkpoints(folder)):
        try:
            model = algorithm.load(path / "model.zip", env=env, device="cpu")
            model.load_replay_buffer(path / "replay.pkl")
            state = torch.load(path / "state.pt", weights_only=False)
        except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
            print(f"checkpoint {path} cannot be read ({error}); trying the one before")
            continue
        _restore_random_states(state["random"])
        return model, state["extra"]
    return None


def _random_states() -> dict:
    return {"torch": torch.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate()}


def _restore_random_states(states: dict) -> None:
    torch.set_rng_state(states["torch"])
    np.random.set_state(states["numpy"])
    random.setstate(states["python"])


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
