"""Dense float policies with their critics, kept in the zoo as teachers: one safetensors file each."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from .environments import make_env

_KEY = "ganglion_teacher"
FORMAT_VERSION = 1


class TeacherError(ValueError):
    """A teacher file that cannot be used."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """A float policy: `actor` maps observations (n, features) to means before tanh (n, actions); `critics` map
    observation and action side by side to values (n, 1), and may be absent; `about` is its provenance and returns."""

    env_id: str
    actor: nn.Sequential
    critics: tuple[nn.Sequential, ...]
    about: dict

    @property
    def action_space(self) -> gymnasium.spaces.Box:
        """The space of actions: the file's, or the environment's for files that do not tell."""
        if "action_bounds" in self.about:
            low, high = np.array(self.about["action_bounds"], np.float32)
            return gymnasium.spaces.Box(low, high, dtype=np.float32)
        return make_env(self.env_id).action_space

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the actor's and the critics' parameters."""
        state = hashlib.sha256()
        for network in (self.actor, *self.critics):
            for name, tensor in network.state_dict().items():
                state.update(f"{name}{list(tensor.shape)}".encode() + tensor.numpy().tobytes())
        return state.hexdigest()


def write_teacher(path: Path, model, about: dict) -> None:
    """Write actor and critics of a Stable-Baselines3 SAC model with their provenance, atomically."""
    actor = [*_linears(model.actor.latent_pi), model.actor.mu]
    networks = {"actor": actor} | {f"critic{i}": _linears(q) for i, q in enumerate(model.critic.q_networks)}
    tensors = {
        f"{name}.{index}.{part}": getattr(layer, part).detach().contiguous()
        for name, layers in networks.items()
        for index, layer in enumerate(layers)
        for part in ("weight", "bias")
    }
    space = model.action_space
    bounds = [space.low.tolist(), space.high.tolist()]
    description = {"format_version": FORMAT_VERSION, "action_bounds": bounds, **about}
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_bytes(save(tensors, metadata={_KEY: json.dumps(description, sort_keys=True)}))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_teacher(path: Path) -> Teacher:
    """Read a teacher file; TeacherError when it is absent, damaged or of another format."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except FileNotFoundError as error:
        raise TeacherError(f"{path}: there is no such teacher") from error
    except (SafetensorError, OSError) as error:
        raise TeacherError(f"{path}: not a whole safetensors file ({error})") from error
    about = json.loads(metadata.get(_KEY, "{}"))
    if about.get("format_version") != FORMAT_VERSION:
        raise TeacherError(
            f"{path}: teacher format {about.get('format_version')!r}; this version reads {FORMAT_VERSION}"
        )
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise TeacherError(f"{path}: weights that are not finite; train the teacher again")
    critics = sorted({name.split(".")[0] for name in tensors if name.startswith("critic")})
    return Teacher(about["env_id"], _network(tensors, "actor"), tuple(_network(tensors, c) for c in critics), about)


def _linears(module: nn.Module) -> list[nn.Linear]:
    return [layer for layer in module if isinstance(layer, nn.Linear)]


def _network(tensors: dict[str, torch.Tensor], name: str) -> nn.Sequential:
    count = sum(key.startswith(f"{name}.") and key.endswith(".weight") for key in tensors)
    modules: list[nn.Module] = []
    for index in range(count):
        weight, bias = tensors[f"{name}.{index}.weight"], tensors[f"{name}.{index}.bias"]
        linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
        linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])
