"""What a run leaves, and in what two runs differ."""

import json
import pickle
from dataclasses import is_dataclass

import numpy as np
import torch

from ganglion.trainer.recipes import recipe_for
from ganglion.trainer.storage.checkpoint import list_checkpoints

COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "_episode_num", "exploration_rate", "_total_timesteps")


def left(protocol, folder):
    """All that a run leaves, as plain values, tensors and arrays: its last checkpoint and its files."""
    newest = list_checkpoints(folder)[-1]
    model = recipe_for(protocol).model.load(newest / "model.zip")
    files = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}
    files |= {name: (folder / name).read_text() for name in ("curve.jsonl", "result.json")}
    if (told := json.loads(files["result.json"]))["file"] == "model.zip":  # the library writes the time into it
        files["result.json"] = json.dumps(told | {"sha256": None})
    return {
        "name": newest.name,
        "networks and optimisers": model.get_parameters(),
        "entropy": getattr(model, "log_ent_coef", None),
        "counters": [getattr(model, name, None) for name in COUNTERS],
        "replay": pickle.loads((newest / "replay.pkl").read_bytes()),
        "state": torch.load(newest / "state.pt", weights_only=False),
        "files": files,
    }


def differences(one, other, place=""):
    """Where the two are not the same, bit by bit."""
    if isinstance(one, torch.Tensor):
        return [] if torch.equal(one, other) else [place]
    if isinstance(one, np.ndarray):
        return [] if np.array_equal(one, other) else [place]
    if is_dataclass(one):
        return differences(vars(one), vars(other), place)
    if isinstance(one, dict) and one.keys() == other.keys():
        return [found for key in one for found in differences(one[key], other[key], f"{place}/{key}")]
    if isinstance(one, list | tuple) and len(one) == len(other):
        return [
            found for k, pair in enumerate(zip(one, other, strict=True)) for found in differences(*pair, f"{place}/{k}")
        ]
    return [] if one == other else [place]
