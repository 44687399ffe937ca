"""Which actor: a file, or the best one of the zoo for an environment and a sparsity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ganglion.codegen.actor import Actor, read_actor
from ganglion.hil.environments import base_name, resolve_env_id

from .errors import UsageError

DEFAULT_SPARSITY = 0.98
_SPARSITY_TOLERANCE = 5e-4
Found = tuple[Path, Actor]


@dataclass(frozen=True)
class Choice:
    """The actor that was chosen, its file, and why it was this one."""

    path: Path
    actor: Actor
    reason: str

    @property
    def env_id(self) -> str:
        """The environment that the actor was made for."""
        return self.actor.policy.env_id


def zoo_folder() -> Path:
    """The folder of the actors that come with Ganglion."""
    return Path(str(files("ganglion.zoo")))


def select_actor(
    env: str, sparsity: float | None = None, algorithm: str | None = None, zoo: Path | None = None
) -> Choice:
    """The actor for `env` ("Hopper" or "Hopper-v4") at the nominal `sparsity`, to a tenth of a percent.

    Without `sparsity` it is 0.98, or the nearest that there is. Where there are several, the one whose file tells the
    highest mean return of its quantised self. UsageError lists what there is when none fits;
    UnknownEnvironmentError for an environment that does not exist.
    """
    zoo = zoo or zoo_folder()
    env_id = resolve_env_id(env, known=_env_ids(zoo))
    there = [(path, read_actor(path)) for path in actor_files(zoo) if path.parent == zoo / env_id]
    if not there:
        raise UsageError(_nothing_for(env_id, zoo))
    fitting = _fitting(there, sparsity, algorithm)
    if not fitting:
        wanted = ("" if sparsity is None else f" of sparsity {sparsity:g}") + (f" by {algorithm}" if algorithm else "")
        raise UsageError(f"no {env_id} actor{wanted} in {zoo}; there is {_list(there)}")
    best = max(fitting, key=lambda entry: _quantised_return(entry[1]))
    return Choice(*best, _reason(best[1], len(fitting)))


def load_choice(path: Path) -> Choice:
    """The actor in `path`, as the user asked."""
    return Choice(path, read_actor(path), "given")


def actor_files(zoo: Path) -> list[Path]:
    """All actor files of `zoo`, in order; zoo/teachers/ holds teachers, which are no actors."""
    return sorted(path for path in zoo.rglob("*.safetensors") if zoo / "teachers" not in path.parents)


def _env_ids(zoo: Path) -> list[str]:
    """Environment ids with an actor in `zoo`, which may hold slashes, as in ALE/Pong-v5."""
    return sorted({path.parent.relative_to(zoo).as_posix() for path in actor_files(zoo)})


def _fitting(there: Sequence[Found], sparsity: float | None, algorithm: str | None) -> list[Found]:
    made_so = [entry for entry in there if algorithm in (None, entry[1].about["algorithm"])]
    if sparsity is None:
        sparsity = min((_sparsity(actor) for _, actor in made_so), key=_far_from_default, default=DEFAULT_SPARSITY)
    return [entry for entry in made_so if abs(_sparsity(entry[1]) - sparsity) < _SPARSITY_TOLERANCE]


def _sparsity(actor: Actor) -> float:
    return actor.about["sparsity"]["nominal"]


def _far_from_default(sparsity: float) -> float:
    return abs(sparsity - DEFAULT_SPARSITY)


def _quantised_return(actor: Actor) -> float:
    return actor.about["returns"].get("quantised", {}).get("mean", float("-inf"))


def _reason(actor: Actor, candidates: int) -> str:
    if candidates == 1:
        return "the only one of this kind"
    return f"the highest quantised return ({_quantised_return(actor):,.0f}) of {candidates}"


def _list(there: Sequence[Found]) -> str:
    kinds = sorted((_sparsity(actor), actor.about["algorithm"]) for _, actor in there)
    return ", ".join(f"{nominal:.4g} ({algorithm})" for nominal, algorithm in kinds)


def _nothing_for(env_id: str, zoo: Path) -> str:
    others = ", ".join(_env_ids(zoo)) or "nothing"
    return (
        f"there is no actor for {env_id} in {zoo}, which holds {others}; "
        f"train one with: make train ENV={base_name(env_id)}"
    )
