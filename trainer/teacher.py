"""Dense float policies with their critics, kept in the zoo as teachers: one safetensors file each."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import gymnasium
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from .environments import make_env

_KEY = "ganglion_teacher"
FORMAT_VERSION = 1
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "elu": nn.ELU}
SquashKind = Literal["tanh", "clip"]


class TeacherError(ValueError):
    """A teacher file that cannot be used."""


@dataclass(frozen=True, eq=False)
class Normaliser:
    """(x - mean) / deviation, limited to +-`limit`; float32 (features,) both."""

    mean: torch.Tensor
    deviation: torch.Tensor
    limit: float

    def __call__(self, observations: torch.Tensor) -> torch.Tensor:
        return ((observations - self.mean) / self.deviation).clamp(-self.limit, self.limit)

    def saturate(self, observations: torch.Tensor) -> torch.Tensor:
        """Raw observations, moved to the nearest values that the normaliser still tells apart."""
        reach = self.limit * self.deviation
        return observations.clamp(self.mean - reach, self.mean + reach)


@dataclass(frozen=True, eq=False)
class Teacher:
    """A float policy: `actor` maps observations (n, features), normalised where there is a `normaliser`, to means
    (n, actions), which `squash` turns into actions in [-1, 1]; `critics` map observation and action side by side to
    values (n, 1), and may be absent; `about` is its provenance and returns."""

    env_id: str
    actor: nn.Sequential
    critics: tuple[nn.Sequential, ...]
    about: dict
    squash: SquashKind = "tanh"
    normaliser: Normaliser | None = None

    @property
    def linears(self) -> list[nn.Linear]:
        """The actor's layers, first to last."""
        return _linears(self.actor)

    @property
    def features(self) -> int:
        """Length of an observation."""
        return self.linears[0].in_features

    @property
    def weights(self) -> int:
        """Weights of the actor, biases not counted."""
        return sum(layer.weight.numel() for layer in self.linears)

    @property
    def rectifies(self) -> bool:
        """Whether all hidden activations are ReLU, as a student's are."""
        return all(isinstance(module, nn.Linear | nn.ReLU) for module in self.actor)

    @cached_property
    def action_space(self) -> gymnasium.spaces.Box:
        """The space of actions: the file's, or the environment's for files that do not tell."""
        if "action_bounds" in self.about:
            low, high = np.array(self.about["action_bounds"], np.float32)
            return gymnasium.spaces.Box(low, high, dtype=np.float32)
        return make_env(self.env_id).action_space

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all that decides the actions and the values."""
        state = hashlib.sha256()
        for network in (self.actor, *self.critics):
            for name, tensor in network.state_dict().items():
                state.update(f"{name}{list(tensor.shape)}".encode() + tensor.numpy().tobytes())
        if (self.squash, self.normaliser, self.rectifies) != ("tanh", None, True):
            state.update(json.dumps(_description(self), sort_keys=True).encode())
            for tensor in _normaliser_tensors(self).values():
                state.update(tensor.numpy().tobytes())
        return state.hexdigest()

    @torch.no_grad()
    def means(self, observations: torch.Tensor) -> torch.Tensor:
        """Outputs before `squash`, float32 (n, actions), of raw observations (n, features)."""
        return self.actor(self.see(observations))

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Actions (n, actions) in [-1, 1] of raw float32 observations (n, features)."""
        return squash(self.squash, self.means(torch.from_numpy(observations))).numpy()

    def play(self, observations: np.ndarray) -> np.ndarray:
        """Actions (n, actions) in the environment's units of raw float32 observations (n, features)."""
        return self.in_units(self.act(observations))

    def in_units(self, actions: np.ndarray) -> np.ndarray:
        """Actions in [-1, 1] in the environment's units."""
        low, high = self.action_space.low, self.action_space.high
        return actions * ((high - low) / 2) + (high + low) / 2

    def see(self, observations: torch.Tensor) -> torch.Tensor:
        """What actor and critics read of raw observations (n, features)."""
        return observations if self.normaliser is None else self.normaliser(observations)


def squash(kind: SquashKind, means: torch.Tensor) -> torch.Tensor:
    """Actions in [-1, 1] of means, any shape."""
    return torch.tanh(means) if kind == "tanh" else means.clamp(-1, 1)


def write_teacher(path: Path, model, about: dict) -> None:
    """Write actor and critics of a Stable-Baselines3 SAC model with their provenance, atomically."""
    actor = nn.Sequential(*_between([*_linears(model.actor.latent_pi), model.actor.mu], nn.ReLU))
    space = model.action_space
    bounds = [space.low.tolist(), space.high.tolist()]
    critics = tuple(nn.Sequential(*_between(_linears(q), nn.ReLU)) for q in model.critic.q_networks)
    save_teacher(path, Teacher(about["env_id"], actor, critics, {"action_bounds": bounds, **about}))


def save_teacher(path: Path, teacher: Teacher) -> None:
    """Write `teacher` under its name only when it is whole."""
    networks = {"actor": teacher.actor} | {f"critic{index}": critic for index, critic in enumerate(teacher.critics)}
    tensors = {
        f"{name}.{index}.{part}": getattr(layer, part).detach().contiguous()
        for name, network in networks.items()
        for index, layer in enumerate(_linears(network))
        for part in ("weight", "bias")
    }
    description = {**teacher.about, "env_id": teacher.env_id, "format_version": FORMAT_VERSION, **_description(teacher)}
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        metadata = {_KEY: json.dumps(description, sort_keys=True)}
        partial.write_bytes(save(tensors | _normaliser_tensors(teacher), metadata=metadata))
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
    check_finite(path, tensors)
    critics = sorted({name.split(".")[0] for name in tensors if name.startswith("critic")})
    normaliser = None
    if "normaliser_limit" in about:
        normaliser = Normaliser(tensors["normaliser.mean"], tensors["normaliser.deviation"], about["normaliser_limit"])
    return Teacher(
        about["env_id"],
        network(_layers(tensors, "actor"), about.get("activation", "relu")),
        tuple(network(_layers(tensors, critic)) for critic in critics),
        about,
        about.get("squash", "tanh"),
        normaliser,
    )


def network(layers: list[tuple[torch.Tensor, torch.Tensor]], activation: str = "relu") -> nn.Sequential:
    """A multilayer perceptron of (weight, bias) pairs, with `activation` (a key of ACTIVATIONS) between them."""
    linears = []
    for weight, bias in layers:
        linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
        linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
        linears.append(linear)
    return nn.Sequential(*_between(linears, ACTIVATIONS[activation]))


def check_finite(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Raise TeacherError where a tensor of the file holds a value that is not finite."""
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise TeacherError(f"{path}: weights that are not finite, in {name}; train the teacher again")


def _description(teacher: Teacher) -> dict:
    """What a file tells beside tensors and provenance; nothing where a teacher is the trainer's own kind."""
    description: dict = {}
    if teacher.squash != "tanh":
        description["squash"] = teacher.squash
    if not teacher.rectifies:
        description["activation"] = next(name for name, kind in ACTIVATIONS.items() if type(teacher.actor[1]) is kind)
    if teacher.normaliser:
        description["normaliser_limit"] = teacher.normaliser.limit
    return description


def _normaliser_tensors(teacher: Teacher) -> dict[str, torch.Tensor]:
    if teacher.normaliser is None:
        return {}
    return {"normaliser.mean": teacher.normaliser.mean, "normaliser.deviation": teacher.normaliser.deviation}


def _linears(module: nn.Module) -> list[nn.Linear]:
    return [layer for layer in module if isinstance(layer, nn.Linear)]


def _between(linears: list[nn.Linear], activation: type[nn.Module]) -> Iterator[nn.Module]:
    """The layers with an activation between every two."""
    for index, linear in enumerate(linears):
        if index:
            yield activation()
        yield linear


def _layers(tensors: dict[str, torch.Tensor], name: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    count = sum(key.startswith(f"{name}.") and key.endswith(".weight") for key in tensors)
    return [(tensors[f"{name}.{index}.weight"], tensors[f"{name}.{index}.bias"]) for index in range(count)]
