"""Options of training that `train` and `sweep` share; the docstrings are the help."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ..errors import UsageError
from ..extras import require_extra

if TYPE_CHECKING:
    from ganglion.trainer.protocol import Protocol
    from ganglion.trainer.recipes import Recipe

Flat = tyro.conf.OmitArgPrefixes
_HAVE_OPTIONS = {
    "env_id": "--env",
    "seed": "--seed (sweep: --seeds)",
    "steps": "--steps",
    "sparsity": "--sparsity (sweep: --sparsities)",
    "allocation": "--allocation",
    "pattern": "--pattern",
    "quantised": "--no-quantised",
    "gamma": "--gamma",
    "bits": "--weight-bits, --activation-bits, --observation-bits, --powers-of-two, --per-layer",
}
_READ = {
    int: ("a whole number", int),
    float: ("a number", float),
    str: ("a word", str),
    tuple: ("a list of whole numbers, such as 64,64,", lambda text: tuple(int(part) for part in text.split(","))),
}
_SMALL = ("Pendulum", "CartPole", "Acrobot", "MountainCar", "LunarLander")


@dataclass
class TrainingOptions:
    """How actors are trained. What is not given is the preset's."""

    algo: Literal["sac", "dqn"] | None = None
    """sac for continuous actions, dqn for discrete ones; by default what the environment's actions need."""
    preset: Literal["paper", "fast", "fastest", "teacher", "residual", "small"] | None = None
    """paper: as published; fast, fastest (sac): batches of 128, 64 instead of 256; teacher (sac): dense float, to be
    distilled; residual (dqn): the residual network instead of the Nature one; small: minutes, for classic control,
    where it is the default."""
    steps: int | None = None
    """Environment steps before quantised training, which adds a fifth."""
    gamma: float | None = None
    """Discount (Swimmer is learned with 0.9999 only)."""
    allocation: Literal["paper", "uniform", "erk", "global"] | None = None
    """How sparsity is shared among layers: the published formula (the default but for small networks), the same
    everywhere, Erdos-Renyi kernel, or the smallest weights wherever they are."""
    pattern: Literal["unstructured", "pairs", "neurons"] = "unstructured"
    """What is pruned together: single weights, two neighbouring inputs of a row, or whole neurons."""
    weight_bits: int = 8
    """Bits of a weight, 2 to 8."""
    powers_of_two: bool = False
    """Allow only 0 and powers of two as weights."""
    per_layer: bool = False
    """One scale for a layer's weights, as published, instead of one for each row."""
    activation_bits: Literal[8, 16] = 8
    """Bits of what hidden layers compute."""
    observation_bits: Literal[8, 16] = 8
    """Bits of what the policy is given."""
    set: Annotated[tuple[tuple[str, ...], ...], tyro.conf.UseAppendAction] = ()
    """Any other hyperparameters, as NAME=VALUE, such as buffer_size=200000 tau=0.01 widths=64,64; repeat it as you
    like."""

    def protocol(self, env: str, **changes: Any) -> Protocol:
        """The protocol for an environment, not checked yet."""
        require_extra("train", "torch", "stable_baselines3")
        from ganglion.trainer.environments import atari_id

        env_id = resolve_training_env(env)
        if atari_id(env_id):
            require_extra("atari", "ale_py", "cv2")
        recipe = self._recipe(env_id)
        name = self.preset_for(env_id)
        if name not in recipe.presets:
            allowed = ", ".join(recipe.presets)
            raise UsageError(f"{recipe.protocol.algorithm} has no preset {name!r}; allowed: {allowed}")
        return recipe.preset(name, env_id, **self._changes(recipe), **changes)

    def preset_for(self, env_id: str) -> str:
        """The preset's name."""
        return self.preset or ("small" if env_id.startswith(_SMALL) else "paper")

    def _recipe(self, env_id: str) -> Recipe:
        from ganglion.trainer.recipes import RECIPES

        return RECIPES[self.algo or _fitting_algorithm(env_id)]

    def _changes(self, recipe: Recipe) -> dict[str, Any]:
        from ganglion.trainer.compression.calibration import BitWidths

        bits = BitWidths(
            self.weight_bits, self.activation_bits, self.observation_bits, not self.per_layer, self.powers_of_two
        )
        changes: dict[str, Any] = {"pattern": self.pattern, "bits": bits}
        changes |= {
            name: getattr(self, name) for name in ("steps", "gamma", "allocation") if getattr(self, name) is not None
        }
        return changes | _parse_all(self.set, recipe.protocol)


def resolve_training_env(name: str) -> str:
    """The environment's id; games by their name are the published ones."""
    from ganglion.hil.environments import resolve_env_id
    from ganglion.trainer.environments import atari_id

    return atari_id(name) or resolve_env_id(name)


def _fitting_algorithm(env_id: str) -> str:
    import gymnasium

    from ganglion.trainer.environments import make_env

    env = make_env(env_id)
    discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
    env.close()
    return "dqn" if discrete else "sac"


def _parse_all(given: tuple[tuple[str, ...], ...], protocol: type[Protocol]) -> dict[str, Any]:
    """What every --set gives; each name once."""
    if not all(given):
        raise UsageError("--set needs at least one NAME=VALUE, such as --set tau=0.01")
    changes: dict[str, Any] = {}
    for text in chain.from_iterable(given):
        name, value = _parse(text, protocol)
        if name in changes:
            raise UsageError(f"{name} is set twice, the second time by {text!r}; give it once")
        changes[name] = value
    return changes


def _parse(text: str, protocol: type[Protocol]) -> tuple[str, Any]:
    """NAME=VALUE as a hyperparameter of the type of its default."""
    name, equals, value = text.partition("=")
    if name in _HAVE_OPTIONS:
        raise UsageError(f"{name} has an option of its own: {_HAVE_OPTIONS[name]}")
    defaults = {field.name: field.default for field in dataclasses.fields(protocol) if type(field.default) in _READ}
    if name not in defaults:
        allowed = ", ".join(sorted(defaults.keys() - _HAVE_OPTIONS.keys()))
        raise UsageError(f"there is no hyperparameter {text!r}; allowed, as NAME=VALUE: {allowed}")
    default = defaults[name]
    if not equals:
        usual = ",".join(map(str, default)) if isinstance(default, tuple) else default
        raise UsageError(f"{name} needs a value, such as {name}={usual}")
    told, read = _READ[type(default)]
    try:
        return name, read(value)
    except ValueError as error:
        raise UsageError(f"{name} is {value!r}; {told} is needed") from error
