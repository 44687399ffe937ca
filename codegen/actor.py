"""The actor file: one safetensors file with integer tensors and a validated description (docs/actor.md)."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .policy import Head, Linear, ObservationMap, Policy, PolicyError, check_policy

FORMAT_VERSION = 1
_KEY = "ganglion"


class ActorError(ValueError):
    """An actor file that cannot be used; the message says which, why and what to do."""


@dataclass(frozen=True, eq=False)
class Actor:
    """A policy and where it comes from.

    `about` holds what the arithmetic does not need: algorithm, versions, sparsity, provenance, returns
    (the schema in actor.schema.json lists them).
    """

    policy: Policy
    about: dict


def digest(policy: Policy) -> str:
    """SHA-256 (hex) of all that decides what the policy computes: the structure and every tensor."""
    state = hashlib.sha256(_canonical(_structure(policy)))
    for name, tensor in sorted(_tensors(policy).items()):
        state.update(name.encode() + b"\0" + tensor.astype(tensor.dtype.newbyteorder("<")).tobytes())
    return state.hexdigest()


def write_actor(path: Path, policy: Policy, about: dict) -> Actor:
    """Check `policy`, stamp its digest, and write the file under its name only when it is whole."""
    check_policy(policy)
    policy = replace(policy, digest=digest(policy))
    description = {**about, "format_version": FORMAT_VERSION, "digest": policy.digest, **_structure(policy)}
    _validate(description, path)
    try:
        metadata = {_KEY: json.dumps(description, sort_keys=True, allow_nan=False)}
    except ValueError as error:
        raise ActorError(f"{path}: a number in the description is not finite; remove the entry") from error
    content = save({name: np.ascontiguousarray(t) for name, t in _tensors(policy).items()}, metadata=metadata)
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return Actor(policy, about)


def read_actor(path: Path) -> Actor:
    """Read and check an actor file; ActorError when anything about it does not fit."""
    description, tensors = _load(path)
    _validate(description, path)
    try:
        policy = _policy(description, tensors)
        check_policy(policy)
    except PolicyError as error:
        raise ActorError(f"{path}: {error}; export the actor again") from error
    if digest(policy) != policy.digest:
        raise ActorError(
            f"{path}: the digest in the file is {policy.digest[:12]}, its contents give {digest(policy)[:12]}; "
            "the file was changed after it was written, fetch or export it again"
        )
    about = {
        key: value for key, value in description.items() if key not in (*_structure(policy), "format_version", "digest")
    }
    return Actor(policy, about)


def _load(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except FileNotFoundError as error:
        if path.exists():
            raise ActorError(f"{path}: the file is there, but cannot be read; check its permissions") from error
        raise ActorError(f"{path}: there is no such actor file") from error
    except (SafetensorError, OSError, TypeError, KeyError, AttributeError) as error:
        raise ActorError(f"{path}: not a whole safetensors file ({error}); fetch or export it again") from error
    if _KEY not in metadata:
        raise ActorError(
            f"{path}: a safetensors file, but not an actor: its metadata has no {_KEY!r} entry; "
            "a teacher has to be distilled first"
        )
    try:
        return json.loads(metadata[_KEY]), tensors
    except json.JSONDecodeError as error:
        raise ActorError(f"{path}: the {_KEY!r} entry is not JSON ({error}); export the actor again") from error


def _validate(description: dict, path: Path) -> None:
    if not isinstance(description, dict):
        raise ActorError(f"{path}: the {_KEY!r} entry is not a JSON object; export the actor again")
    version = description.get("format_version")
    if version != FORMAT_VERSION:
        raise ActorError(f"{path}: actor format {version!r}; this version reads {FORMAT_VERSION}")
    schema = json.loads(files(__package__).joinpath("actor.schema.json").read_text())
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(description))
    if error:
        raise ActorError(f"{path}: {error.json_path}: {error.message}")


def _structure(policy: Policy) -> dict:
    return {
        "env_id": policy.env_id,
        "observation": {"features": policy.features, "bits": policy.observation.bits},
        "layers": [
            {
                "kind": "linear",
                "rows": layer.rows,
                "columns": layer.columns,
                "activation": "relu" if layer.relu else "none",
                "input_exponent": layer.input_exponent,
                "output_exponent": layer.output_exponent,
                "output_bits": layer.output_bits,
            }
            for layer in policy.layers
        ],
        "head": {"kind": policy.head.kind, "actions": policy.actions},
    }


def _tensors(policy: Policy) -> dict[str, np.ndarray]:
    tensors = {"observation.gain": policy.observation.gain, "observation.offset": policy.observation.offset}
    for index, layer in enumerate(policy.layers):
        tensors[f"layers.{index}.weights"] = layer.weights
        tensors[f"layers.{index}.bias"] = layer.bias
        tensors[f"layers.{index}.weight_exponents"] = layer.weight_exponents.astype(np.int8)
    return tensors | {"action.gain": policy.head.gain, "action.offset": policy.head.offset}


def _policy(description: dict, tensors: dict[str, np.ndarray]) -> Policy:
    _check_names(len(description["layers"]), tensors)
    layers = tuple(_layer(index, entry, tensors) for index, entry in enumerate(description["layers"]))
    head = Head(description["head"]["kind"], tensors["action.gain"], tensors["action.offset"])
    observation = ObservationMap(
        tensors["observation.gain"], tensors["observation.offset"], description["observation"]["bits"]
    )
    if observation.gain.shape != (description["observation"]["features"],):
        raise PolicyError(
            f"observation.gain has shape {list(observation.gain.shape)}, "
            f"the description says {description['observation']['features']} features"
        )
    return Policy(description["env_id"], description["digest"], observation, layers, head)


def _check_names(layers: int, tensors: dict[str, np.ndarray]) -> None:
    expected = {f"{part}.{name}" for part in ("observation", "action") for name in ("gain", "offset")}
    expected |= {f"layers.{i}.{name}" for i in range(layers) for name in ("weights", "bias", "weight_exponents")}
    for name in sorted(expected ^ tensors.keys()):
        raise PolicyError(f"tensor {name!r} is {'missing' if name in expected else 'not part of an actor'}")


def _layer(index: int, entry: dict, tensors: dict[str, np.ndarray]) -> Linear:
    exponents = tensors[f"layers.{index}.weight_exponents"]
    if exponents.dtype != np.int8:
        raise PolicyError(f"layer {index}: weight exponents are {exponents.dtype}; int8 is needed")
    weights = tensors[f"layers.{index}.weights"]
    if weights.shape != (entry["rows"], entry["columns"]):
        said = [entry["rows"], entry["columns"]]
        raise PolicyError(f"layer {index}: weights are {list(weights.shape)}, the description says {said}")
    return Linear(
        weights=weights,
        bias=tensors[f"layers.{index}.bias"],
        weight_exponents=exponents.astype(np.int64),
        input_exponent=entry["input_exponent"],
        output_exponent=entry["output_exponent"],
        output_bits=entry["output_bits"],
        relu=entry["activation"] == "relu",
    )


def _canonical(value: dict) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
