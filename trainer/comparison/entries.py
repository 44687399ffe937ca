"""Actors of one environment, from the zoo and from folders of runs, with what their files tell of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganglion.codegen.actor import Actor, ActorError, read_actor

from ..distil.assignment import read_record

Method = Literal["protocol", "distilled"]
_TEACHERS = ("teacher.safetensors", "teachers")  # files and folders that hold no actors
_PLAIN_BITS = 8


class ComparisonError(ValueError):
    """Nothing to compare; the message says what was looked for and where."""


@dataclass(frozen=True)
class Entry:
    """One integer actor. `sparsity` is the share of weights that are zero; `mean` and `deviation` are those of its
    return over `episodes`; `steps` in the environment and, where a record tells, processor `minutes` are what it took
    beyond its teacher; `kind` says what is special about its weights. `chosen`: the best of several."""

    method: Method
    kind: str
    sparsity: float
    nonzeros: int
    mean: float
    deviation: float
    episodes: int
    steps: int
    minutes: float | None
    chosen: bool
    teacher_return: float | None
    teacher_steps: int | None


def collect(env_id: str, zoo: Path, folders: Sequence[Path] = ()) -> list[Entry]:
    """The measured actors for `env_id` in zoo/<env_id> and anywhere in `folders`, each policy once.

    ComparisonError where a folder does not exist or holds no measured actor for the environment.
    """
    entries: dict[str, Entry] = {}
    for folder in (zoo / env_id, *folders):
        found = _measured(env_id, folder)
        if not found and folder in folders:
            raise ComparisonError(f"{folder}: no actor for {env_id} with a measured return; name a folder of runs")
        for path, actor in found:
            entry = _entry(path, actor)
            known = entries.get(actor.policy.digest)
            if known is None or (entry.chosen and not known.chosen):
                entries[actor.policy.digest] = entry
    return sorted(entries.values(), key=lambda entry: (entry.method, entry.sparsity, entry.kind, entry.mean))


def _measured(env_id: str, folder: Path) -> list[tuple[Path, Actor]]:
    found = [(path, _read(path)) for path in _actor_files(folder)]
    return [
        (path, actor)
        for path, actor in found
        if actor.policy.env_id == env_id and "quantised" in actor.about.get("returns", {})
    ]


def _actor_files(folder: Path) -> Iterable[Path]:
    paths = sorted(folder.rglob("*.safetensors"))
    return [path for path in paths if not any(part in _TEACHERS for part in path.relative_to(folder).parts)]


def _read(path: Path) -> Actor:
    try:
        return read_actor(path)
    except ActorError as error:
        raise ComparisonError(f"{error}; or move it out of the folder that is compared") from error


def _entry(path: Path, actor: Actor) -> Entry:
    about, returns = actor.about, actor.about["returns"]
    return Entry(
        method="distilled" if about["algorithm"] == "distil" else "protocol",
        kind=_kind(about["provenance"]["protocol"]),
        sparsity=1 - actor.policy.nonzeros / about["sparsity"]["weights"],
        nonzeros=actor.policy.nonzeros,
        mean=returns["quantised"]["mean"],
        deviation=returns["quantised"]["std"],
        episodes=returns["quantised"]["episodes"],
        steps=about["provenance"]["steps"],
        minutes=_minutes(path),
        chosen="chosen" in about["provenance"],
        teacher_return=returns.get("teacher", {}).get("mean"),
        teacher_steps=_taught_for(about),
    )


def _taught_for(about: dict) -> int | None:
    """Environment steps of the teacher and of the teachers that it was made from; None where that is not told."""
    made = about["provenance"].get("teacher", {}).get("provenance", {})
    if "steps" not in made:
        return None
    return made["steps"] + (_taught_for({"provenance": made}) or 0)


def _kind(protocol: dict) -> str:
    """What is special about the weights: pattern and bits, empty for single weights of 8 bits."""
    bits = protocol.get("bits", {})
    words = [protocol["pattern"]] if protocol.get("pattern", "unstructured") != "unstructured" else []
    words += ["powers of two"] if bits.get("powers_of_two") else []
    words += [f"{bits['weights']} bits"] if bits.get("weights", _PLAIN_BITS) != _PLAIN_BITS else []
    return ", ".join(words)


def _minutes(path: Path) -> float | None:
    """From the record beside an actor, or from the result of a search."""
    record, result = read_record(path), path.with_name("result.json")
    if record:
        return record.minutes
    return json.loads(result.read_text()).get("minutes") if result.exists() else None
