"""Teachers made by others: models of Stable-Baselines3, read without running anything that a file contains.

A model file holds pickles beside its parameters. Only the parameters (torch, `weights_only`) and plain JSON are read;
of a pickled `VecNormalize`, numbers alone, every class in it being replaced by an empty one.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import re
import zipfile
from pathlib import Path

import gymnasium
import numpy as np
import torch

from ganglion.hil.environments import UnknownEnvironmentError

from .environments import UnsuitableEnvironmentError, make_env
from .storage.checkpoint import list_checkpoints
from .storage.names import PROTOCOL
from .teacher import ACTIVATIONS, Normaliser, SquashKind, Teacher, TeacherError, check_finite, network, read_teacher

Layers = list[tuple[torch.Tensor, torch.Tensor]]

_NUMPY = re.compile(r"numpy(\.(_?core)(\.(multiarray|numeric))?)?")
_NUMPY_NAMES = {"_reconstruct", "scalar", "ndarray", "dtype", "_frombuffer"}


def load_teacher(path: Path, env_id: str | None = None, normaliser: Path | None = None) -> Teacher:
    """The teacher in `path`: a teacher file, a model of Stable-Baselines3 (.zip, with the `VecNormalize` it was trained
    behind), or a folder of the trainer, of which the newest checkpoint counts. TeacherError when it cannot be used.

    `env_id` is needed where the file does not tell it.
    """
    if path.is_dir():
        path, told = _newest(path)
        env_id = env_id or told
    if path.suffix != ".zip":
        if normaliser:
            raise TeacherError(f"{path}: a teacher file has its own normaliser; --normaliser is for models (.zip)")
        return read_teacher(path)
    if env_id is None:
        raise TeacherError(f"{path}: the model does not tell its environment; give --env, such as --env Hopper")
    return read_model(path, env_id, normaliser)


def read_model(path: Path, env_id: str, normaliser: Path | None = None) -> Teacher:
    """The policy of a PPO, A2C, SAC, TD3, DDPG or TQC model with an `MlpPolicy`, its critics where actions are weighed
    by them; TeacherError for anything else."""
    data, tensors = _open(path)
    check_finite(path, tensors)
    space = _action_space(path, env_id)
    if "action_net.weight" in tensors:
        actor, critics, kind = _actor_critic(path, data, tensors, space)
    else:
        actor, critics, kind = _off_policy(path, tensors), _critics(tensors), "tanh"
    default = "tanh" if "action_net.weight" in tensors else "relu"
    features = actor[0][0].shape[1]
    about = {
        "algorithm": _algorithm(data, tensors),
        "action_bounds": [space.low.tolist(), space.high.tolist()],
        "provenance": _provenance(path, data, normaliser),
        "returns": {},
    }
    teacher = Teacher(
        env_id,
        network(actor, _activation(path, data, default)),
        tuple(network(critic) for critic in critics),
        about,
        kind,
        read_normaliser(normaliser, features) if normaliser else None,
    )
    _check_shape(path, env_id, teacher)
    return teacher


def read_normaliser(path: Path, features: int) -> Normaliser | None:
    """The observation statistics of a pickled `VecNormalize`, None where it leaves observations alone."""
    try:
        state = vars(_Numbers(io.BytesIO(path.read_bytes())).load())
        if not state["norm_obs"]:
            return None
        statistics = vars(state["obs_rms"])
        mean, variance = np.asarray(statistics["mean"], np.float64), np.asarray(statistics["var"], np.float64)
        limit, epsilon = float(state["clip_obs"]), float(state["epsilon"])
    except FileNotFoundError as error:
        raise TeacherError(f"{path}: there is no such normaliser") from error
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise TeacherError(f"{path}: not a saved VecNormalize of vector observations ({error!r})") from error
    if mean.shape != (features,) or variance.shape != (features,):
        raise TeacherError(f"{path}: normalises observations of shape {mean.shape}; the policy reads ({features},)")
    normaliser = Normaliser(torch.tensor(mean).float(), torch.tensor(variance + epsilon).sqrt().float(), limit)
    check_finite(path, {"mean": normaliser.mean, "variance": normaliser.deviation})
    return normaliser


class _Inert:
    """Takes the place of every class and function in a pickle; keeps its attributes, does nothing."""

    def __new__(cls, *_: object, **__: object) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


class _Numbers(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        if _NUMPY.fullmatch(module) and name in _NUMPY_NAMES:
            return super().find_class(module, name)
        return _Inert


def _newest(folder: Path) -> tuple[Path, str | None]:
    """The newest model in a folder of the trainer, and the environment that the run is told to be of."""
    for home in (folder, folder.parent):
        if (home / PROTOCOL).is_file():
            env_id = json.loads((home / PROTOCOL).read_text())["env_id"]
            break
    else:
        env_id = None
    finished = folder / "teacher.safetensors"
    names = ("model.zip", "teacher.safetensors")  # a checkpoint's teacher is its mean
    saved = [folder / "model.zip", *(path / name for path in list_checkpoints(folder) for name in names)]
    found = [path for path in ([finished] if finished.is_file() else saved) if path.is_file()]
    if not found:
        raise TeacherError(f"{folder}: holds no teacher.safetensors and no checkpoint (step-*/model.zip)")
    return found[-1], env_id


def _open(path: Path) -> tuple[dict, dict[str, torch.Tensor]]:
    try:
        with zipfile.ZipFile(path) as archive:
            data = json.loads(archive.read("data"))
            tensors = torch.load(io.BytesIO(archive.read("policy.pth")), map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise TeacherError(f"{path}: there is no such teacher") from error
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise TeacherError(f"{path}: not a whole model of Stable-Baselines3 ({error})") from error
    return data, {name: tensor for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}


def _actor_critic(
    path: Path, data: dict, tensors: dict[str, torch.Tensor], space: gymnasium.spaces.Box
) -> tuple[Layers, list[Layers], SquashKind]:
    """The policy of PPO or A2C. Its means are in the environment's units; here they become those of [-1, 1]."""
    *hidden, (weight, bias) = [
        *_stack(path, tensors, "mlp_extractor.policy_net"),
        (tensors["action_net.weight"], tensors["action_net.bias"]),
    ]
    if _policy_options(data).get("squash_output") is True:
        return [*hidden, (weight, bias)], [], "tanh"
    if len(bias) != space.shape[0]:
        raise TeacherError(f"{path}: the policy has {len(bias)} outputs, the environment {space.shape[0]} actions")
    half = torch.from_numpy((space.high.astype(np.float64) - space.low) / 2)
    middle = torch.from_numpy((space.high.astype(np.float64) + space.low) / 2)
    scaled = (weight.double() / half[:, None]).float(), ((bias.double() - middle) / half).float()
    return [*hidden, scaled], [], "clip"


def _off_policy(path: Path, tensors: dict[str, torch.Tensor]) -> Layers:
    """SAC and TQC end in a layer of means, TD3 and DDPG have one stack."""
    if "actor.mu.weight" in tensors:
        head = (tensors["actor.mu.weight"], tensors["actor.mu.bias"])
        return [*_stack(path, tensors, "actor.latent_pi"), head]
    return _stack(path, tensors, "actor.mu")


def _critics(tensors: dict[str, torch.Tensor]) -> list[Layers]:
    """The Q-networks. A quantile critic's value is the mean of its outputs, which its last layer can compute."""
    names = sorted({match[0] for name in tensors if (match := re.match(r"critic\.qf\d+", name))})
    critics = []
    for name in names:
        *hidden, (weight, bias) = _stack(Path(), tensors, name)
        critics.append([*hidden, (weight.mean(dim=0, keepdim=True), bias.mean(dim=0, keepdim=True))])
    return critics


def _stack(path: Path, tensors: dict[str, torch.Tensor], prefix: str) -> Layers:
    pattern = re.compile(re.escape(prefix) + r"\.(\d+)\.weight")
    indices = sorted(int(match[1]) for name in tensors if (match := pattern.fullmatch(name)))
    layers = [(tensors[f"{prefix}.{i}.weight"], tensors[f"{prefix}.{i}.bias"]) for i in indices]
    if not layers or any(weight.ndim != 2 for weight, _ in layers):
        raise TeacherError(
            f"{path}: {prefix} is not a stack of linear layers; "
            "what can be read: MlpPolicy of PPO, A2C, SAC, TD3, DDPG and TQC"
        )
    return layers


def _policy_options(data: dict) -> dict:
    """The `policy_kwargs` as far as they are plain values or names."""
    options = data.get("policy_kwargs")
    return options if isinstance(options, dict) else {}


def _activation(path: Path, data: dict, default: str) -> str:
    told = _policy_options(data).get("activation_fn")
    if told is None:
        return default
    for name, kind in ACTIVATIONS.items():
        if str(told).endswith(f".{kind.__name__}'>"):
            return name
    raise TeacherError(f"{path}: hidden activations are {told}; allowed: {', '.join(ACTIVATIONS)}")


def _algorithm(data: dict, tensors: dict[str, torch.Tensor]) -> str:
    if "action_net.weight" in tensors:
        return "ppo" if "clip_range" in data else "a2c"
    module = str((data.get("policy_class") or {}).get("__module__", ""))
    known = (name for name in ("sac", "tqc", "td3", "ddpg") if f".{name}." in module)
    return next(known, "actor-critic")


def _action_space(path: Path, env_id: str) -> gymnasium.spaces.Box:
    try:
        space = make_env(env_id).action_space
    except (UnknownEnvironmentError, UnsuitableEnvironmentError) as error:
        raise TeacherError(str(error)) from error
    if not isinstance(space, gymnasium.spaces.Box) or not np.isfinite([space.low, space.high]).all():
        raise TeacherError(f"{path}: the actions of {env_id} are {space}; a bounded box is needed")
    return space


def _check_shape(path: Path, env_id: str, teacher: Teacher) -> None:
    env = make_env(env_id)
    has, needs = (
        (teacher.features, teacher.linears[-1].out_features),
        (*env.observation_space.shape, *env.action_space.shape),
    )
    if has != needs:
        raise TeacherError(
            f"{path}: the policy has {has[0]} features and {has[1]} actions, {env_id} has {needs[0]} and {needs[-1]}"
        )


def _provenance(path: Path, data: dict, normaliser: Path | None) -> dict:
    files = {"model_sha256": path} | ({"normaliser_sha256": normaliser} if normaliser else {})
    digests = {key: hashlib.sha256(file.read_bytes()).hexdigest() for key, file in files.items() if file.is_file()}
    return {
        "imported_from": "stable-baselines3",
        "steps": data.get("num_timesteps"),
        "seed": data.get("seed"),
        **digests,
    }
