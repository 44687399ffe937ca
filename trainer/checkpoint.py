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
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from .frames import FrameReplay

_KEEP = 2
_BUFFER_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def save_checkpoint(model: OffPolicyAlgorithm, folder: Path, extra: dict) -> Path | None:
    """Write model, replay buffer, random states and `extra` (tensors and plain values) atomically.

    A disk that is full is reported: None, and the checkpoint before stays.
    """
    final = folder / f"step-{model.num_timesteps:09d}"
    partial = folder / f".partial-{model.num_timesteps:09d}"
    try:
        _write(model, partial, extra)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        print(f"checkpoint {final} could not be written ({error}); the one before stays, training goes on", flush=True)
        return None
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)
    for old in list_checkpoints(folder)[:-_KEEP]:
        shutil.rmtree(old)
    return final


def _write(model: OffPolicyAlgorithm, partial: Path, extra: dict) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    model.save(partial / "model.zip")
    with (partial / "replay.pkl").open("wb") as file:
        pickle.dump(_filled(model.replay_buffer), file, protocol=pickle.HIGHEST_PROTOCOL)
    torch.save({"random": random_states(), "extra": extra}, partial / "state.pt")
    for file in partial.iterdir():
        _flush(file)


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints of a run, oldest first."""
    return sorted(folder.glob("step-*"))


def load_checkpoint(folder: Path, algorithm: type[OffPolicyAlgorithm], env) -> tuple[OffPolicyAlgorithm, dict] | None:
    """The newest checkpoint that can be read, its random states restored; None where there is none."""
    for path in reversed(list_checkpoints(folder)):
        try:
            model = algorithm.load(path / "model.zip", env=env, device="cpu")
            with (path / "replay.pkl").open("rb") as file:
                _refill(model.replay_buffer, pickle.load(file))
            state = torch.load(path / "state.pt", weights_only=False)
        except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
            print(f"checkpoint {path} cannot be read ({error}); trying the one before")
            continue
        restore_random_states(state["random"])
        return model, state["extra"]
    return None


def _filled(buffer: ReplayBuffer) -> dict:
    """The part of the buffer that holds something: it is as large as the run is long."""
    size = buffer.size()
    arrays = {name: getattr(buffer, name)[:size] for name in _BUFFER_ARRAYS if hasattr(buffer, name)}
    frames = buffer.state if isinstance(buffer, FrameReplay) else None
    return {"position": buffer.pos, "full": buffer.full, "arrays": arrays, "frames": frames}


def _refill(buffer: ReplayBuffer, filled: dict) -> None:
    for name, values in filled["arrays"].items():
        getattr(buffer, name)[: len(values)] = values
    buffer.pos, buffer.full = filled["position"], filled["full"]
    if isinstance(buffer, FrameReplay):
        buffer.state = filled["frames"]


def random_states() -> dict:
    """The states of every generator of random numbers that training draws from."""
    return {"torch": torch.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate()}


def restore_random_states(states: dict) -> None:
    """Go on with the random numbers that followed `random_states`."""
    torch.set_rng_state(states["torch"])
    np.random.set_state(states["numpy"])
    random.setstate(states["python"])


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
