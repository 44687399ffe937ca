"""Train one actor by a protocol: resumable, from the first step to the files of the zoo."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from .averaging import Averaging
from .checkpoint import list_checkpoints, load_checkpoint
from .checks import check_run
from .compression import Compression
from .environments import make_env
from .progress import Progress
from .protocol import Protocol
from .recipes import Recipe, recipe_for
from .result import Result, read_result
from .run_folder import claim


def train(
    protocol: Protocol, folder: Path, start_from: Path | None = None, stop_before: int | None = None
) -> Result | None:
    """Run `protocol` in `folder`, going on from its newest checkpoint; what it ended with.

    `start_from` is the folder of another run whose newest checkpoint a new run begins with. `stop_before` ends the run
    one step before that, with a checkpoint and without a result. FolderError for a folder of another protocol.
    """
    recipe = recipe_for(protocol)
    check_run(protocol)
    claim(folder, protocol.described)
    if (finished := read_result(folder)) is not None:
        return finished
    if start_from is not None and not list_checkpoints(folder):
        _copy_checkpoint(start_from, folder)
    torch.set_num_threads(1)
    model, state = _load_or_make(protocol, recipe, folder)
    parts = recipe.parts(model)
    compression = Compression(protocol, parts, state)
    averaging = Averaging(protocol, parts, state)
    progress = Progress(protocol, recipe, folder, compression, averaging, state, stop_before)
    if model.num_timesteps < (protocol.total_steps if stop_before is None else stop_before - 1):
        remaining, fresh = protocol.total_steps - model.num_timesteps, not model.num_timesteps
        callbacks = CallbackList([averaging, progress, compression])
        model.learn(remaining, callback=callbacks, log_interval=10**9, reset_num_timesteps=fresh)
        progress.save()
    else:
        progress.init_callback(model)
    return None if stop_before is not None else progress.finish(start_from is not None)


def _load_or_make(protocol: Protocol, recipe: Recipe, folder: Path) -> tuple[OffPolicyAlgorithm, dict]:
    env = make_env(protocol.env_id, protocol.seed, training=True)
    return load_checkpoint(folder, recipe.model, env) or (recipe.new_model(protocol, env), {})


def _copy_checkpoint(source: Path, folder: Path) -> None:
    newest = list_checkpoints(source)[-1]
    partial = folder / f".partial-{newest.name}"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(newest, partial)
    os.replace(partial, folder / newest.name)
