"""Train one actor by a protocol: resumable, from the first step to the files of the zoo."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from .averaging import Averaging
from .checks import check_run
from .compression.callback import Compression
from .environments import make_env
from .progress import Progress, StopBefore
from .protocol import Protocol
from .recipes import Recipe, recipe_for
from .storage.checkpoint import CheckpointError, copy_checkpoint, list_checkpoints, load_checkpoint
from .storage.disk import say
from .storage.folder import check_place, check_writable, claim, differences, remove_partial
from .storage.lock import locked
from .storage.names import PROTOCOL, checkpoint_name, checkpoint_step
from .storage.result import Result, ResultError, read_result

_ALIKE_BEFORE_PRUNING = {"sparsity", "quantised"}


def train(
    protocol: Protocol, folder: Path, start_from: Path | None = None, stop_before: int | None = None
) -> Result | None:
    """Run `protocol` in `folder`, going on from its newest whole checkpoint; what it ended with.

    `start_from` is the folder of another run whose newest whole checkpoint a new run begins with. `stop_before` ends
    the run before the rollout in which that step lies, with a checkpoint and without a result. FolderError for a folder
    of another protocol, of no run, or in which another process trains. CheckpointError where `start_from` holds no
    whole checkpoint, or one is for other versions or of another protocol. DiskError for a result that cannot be
    written.
    """
    recipe = recipe_for(protocol)
    check_run(protocol)
    check_place(folder, protocol.described)
    if (finished := _finished(protocol, folder)) is not None:
        return finished
    check_writable(folder)
    with locked(folder):
        claim(folder, protocol.described)
        remove_partial(folder)
        return _train(protocol, recipe, folder, start_from, stop_before)


def _finished(protocol: Protocol, folder: Path) -> Result | None:
    """What the run ended with; None where it has not ended, or what it left does not count, which is told."""
    try:
        return read_result(folder, protocol)
    except ResultError as error:
        there = list_checkpoints(folder)
        how = "is finished again from its last checkpoint" if there else "has no checkpoint and begins anew"
        say(f"{error}; the run {how}")
        return None


def _train(
    protocol: Protocol, recipe: Recipe, folder: Path, start_from: Path | None, stop_before: int | None
) -> Result | None:
    """The run itself, in a folder that is its own."""
    torch.set_num_threads(1)
    model, state = _load_or_make(protocol, recipe, folder, start_from)
    end = protocol.total_steps if stop_before is None else protocol.last_rollout(stop_before)
    _tell_start(protocol.env_id, model.num_timesteps, end)
    parts = recipe.parts(model)
    compression = Compression(protocol, parts, state)
    averaging = Averaging(protocol, parts, state)
    progress = Progress(protocol, recipe, folder, compression, averaging, state, stop_before)
    if model.num_timesteps < end:
        _learn(model, protocol.total_steps, CallbackList([averaging, progress, compression]))
        progress.save()
    else:
        progress.init_callback(model)
        progress.on_training_start({}, {})
    return None if stop_before is not None else progress.finish(start_from is not None)


def _load_or_make(
    protocol: Protocol, recipe: Recipe, folder: Path, start_from: Path | None
) -> tuple[OffPolicyAlgorithm, dict]:
    there = bool(list_checkpoints(folder))
    env = make_env(protocol.env_id, protocol.seed, training=True)
    check = partial(_check_origin, protocol)
    loaded = load_checkpoint(folder, recipe.model, env, check)
    if loaded is None and there:
        say(f"{folder}: none of its checkpoints is whole; the run begins anew")
    if loaded is None and start_from is not None:
        copy_checkpoint(start_from, folder, check)
        loaded = load_checkpoint(folder, recipe.model, env, check)
    return loaded or (recipe.new_model(protocol, env), {})


def _check_origin(protocol: Protocol, checkpoint: Path) -> None:
    """CheckpointError for a checkpoint of another protocol; those of earlier versions do not tell theirs.

    Before pruning starts, runs of every sparsity are one and the same.
    """
    file, step = checkpoint / PROTOCOL, checkpoint_step(checkpoint.name)
    free = _ALIKE_BEFORE_PRUNING if step is not None and step < protocol.schedule.start else set()
    found = differences(file, protocol.described) if file.exists() else []
    if differing := [name for name in found if name not in free]:
        raise CheckpointError(
            f"checkpoint {checkpoint} is of another run, it differs in: {', '.join(differing)}; move it away to do "
            "without it"
        )


def _learn(model: OffPolicyAlgorithm, total_steps: int, callbacks: CallbackList) -> None:
    """Go on up to `total_steps`, on which the library's schedules depend, or up to where a callback stops."""
    remaining, fresh = total_steps - model.num_timesteps, not model.num_timesteps
    with suppress(StopBefore):
        model.learn(remaining, callback=callbacks, log_interval=10**9, reset_num_timesteps=fresh)


def _tell_start(env_id: str, step: int, end: int) -> None:
    how = f"goes on at step {step:,} of {end:,} ({checkpoint_name(step)})" if step else f"begins, {end:,} steps"
    say(f"{env_id}: {how}")
