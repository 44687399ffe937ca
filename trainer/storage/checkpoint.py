"""Checkpoints of a training run: whole or absent, the newest whole one wins.

A checkpoint is a folder `step-000120000/` written under a temporary name and renamed when every file in it is on disk,
so that a run that is killed at any moment resumes from the one before. Its manifest is compared with every byte before
anything is read; what is damaged is called `damaged-step-000120000` from then on.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from ..frames import FrameReplay
from .disk import flush, say, writing
from .manifest import DamageError, verify, write_manifest
from .names import checkpoint_name, checkpoint_step, partial_name
from .random_states import restore_training_states, training_states

_KEEP = 2
_BUFFER_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class CheckpointError(RuntimeError):
    """Checkpoints that cannot be gone on from; the message says which, why and what to do."""


def save_checkpoint(
    model: OffPolicyAlgorithm, folder: Path, extra: dict, write_more: Callable[[Path], None] = lambda partial: None
) -> Path | None:
    """Write model, replay buffer, random states, `extra` (tensors and plain values) and the files that `write_more`
    puts into the folder that it is given; atomically.

    To be called between a step's updates and the next step. A disk that is full is reported: None, and the checkpoint
    before stays.
    """
    final = folder / checkpoint_name(model.num_timesteps)
    partial = folder / partial_name(final.name)
    try:
        _write(model, partial, extra, write_more)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(partial, final)
        flush(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        say(f"checkpoint {final} could not be written ({error}); the one before stays, training goes on")
        return None
    for old in list_checkpoints(folder)[:-_KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def _write(model: OffPolicyAlgorithm, partial: Path, extra: dict, write_more: Callable[[Path], None]) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / "model.zip").write_bytes(model_bytes(model))
    with (partial / "replay.pkl").open("wb") as file:
        pickle.dump(_filled(model.replay_buffer), file, protocol=pickle.HIGHEST_PROTOCOL)
    state = io.BytesIO()  # torch's own writer tells of a full disk as of a broken program
    torch.save({"random": training_states(model), "extra": extra}, state)
    (partial / "state.pt").write_bytes(state.getbuffer())
    write_more(partial)
    write_manifest(partial)
    for file in [*partial.iterdir(), partial]:
        flush(file)


def model_bytes(model: OffPolicyAlgorithm) -> memoryview:
    """What Stable-Baselines3 saves of `model`, its replay buffer apart: the content of a zip file."""
    content = io.BytesIO()
    model.save(content)
    return content.getbuffer()


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints of a run, oldest first; what only has a similar name is none."""
    found = [(step, path) for path in folder.glob("step-*") if (step := checkpoint_step(path.name)) is not None]
    return [path for _, path in sorted(found) if path.is_dir()]


def newest_whole(folder: Path) -> Path | None:
    """The newest checkpoint in `folder` whose files are as they were written; None where there is none.

    Newer ones are damaged: they are told, and renamed so that they count as checkpoints no more.
    """
    for path in reversed(list_checkpoints(folder)):
        try:
            verify(path)
            return path
        except DamageError as error:
            say(f"checkpoint {path} is damaged ({error}); it is kept as {_set_aside(path).name}, the one before counts")
    return None


def load_checkpoint(
    folder: Path, algorithm: type[OffPolicyAlgorithm], env, check: Callable[[Path], None] = lambda path: None
) -> tuple[OffPolicyAlgorithm, dict] | None:
    """The model of the newest whole checkpoint, its random states restored, and its `extra`; None where there is none.

    The model's next episode is a new one. `check` is called with the checkpoint before it is read. CheckpointError for
    files that are whole, but not for this installation.
    """
    path = newest_whole(folder)
    if path is None:
        return None
    check(path)
    try:
        model = algorithm.load(path / "model.zip", env=env, device="cpu")
        with (path / "replay.pkl").open("rb") as file:
            _refill(model.replay_buffer, pickle.load(file))
        state = torch.load(path / "state.pt", weights_only=False)
        restore_training_states(model, state["random"])
    except Exception as error:
        raise CheckpointError(
            f"checkpoint {path} is as it was written, but cannot be read here ({type(error).__name__}: {error}); go on "
            "with the versions of the libraries and of Ganglion that wrote it, or move it away to do without it"
        ) from error
    return model, state["extra"]


def copy_checkpoint(source: Path, folder: Path, check: Callable[[Path], None] = lambda path: None) -> None:
    """Copy the newest whole checkpoint of the run in `source` into the run's `folder`, `check` having been called with
    it. CheckpointError where there is none, DiskError where it cannot be written."""
    newest = newest_whole(source)
    if newest is None:
        raise CheckpointError(
            f"{source} holds no whole checkpoint to begin with; start the same command again, it trains that beginning "
            "first"
        )
    check(newest)
    partial = folder / partial_name(newest.name)
    with writing(folder / newest.name):
        try:
            partial.mkdir()
            for file in newest.iterdir():
                flush(Path(shutil.copyfile(file, partial / file.name)))
            flush(partial)
            os.replace(partial, folder / newest.name)
            flush(folder)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def _set_aside(path: Path) -> Path:
    """Rename a damaged checkpoint; another process that found it, too, may have done so."""
    aside = path.with_name(f"damaged-{path.name}")
    with writing(aside):
        shutil.rmtree(aside, ignore_errors=True)
        try:
            os.replace(path, aside)
        except FileNotFoundError:
            if path.exists():
                raise
        flush(path.parent)
    return aside


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
