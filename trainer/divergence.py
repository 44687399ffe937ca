"""Training that diverged: noticed before it is evaluated or written, and told with what to change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from .evaluation import Act
from .storage.checkpoint import list_checkpoints


class DivergenceError(RuntimeError):
    """Weights or actions that are no numbers any more; the message says since when and what to change."""


def check_weights(model: OffPolicyAlgorithm, folder: Path) -> None:
    """Raise DivergenceError unless all that `model` learns is finite, and the moments of its optimisers, without which
    nothing is learned any more; `folder` is the run's."""
    for what, tensor in _learned(model):
        if not bool(torch.isfinite(tensor).all()):
            raise DivergenceError(f"{what} are not finite {_remedy(model)}; {_kept(model, folder)}")


def _learned(model: OffPolicyAlgorithm) -> Iterator[tuple[str, torch.Tensor]]:
    for name, parameter in model.policy.named_parameters():
        yield f"the weights of {name}", parameter
    for name, state in model.get_parameters().items():
        for moments in state.get("state", {}).values() if name.endswith("optimizer") else ():
            yield from ((f"the moments of {name}", moment) for moment in moments.values())
    if (entropy := getattr(model, "log_ent_coef", None)) is not None:
        yield "the entropy coefficients", entropy


def finite(act: Act, model: OffPolicyAlgorithm, folder: Path) -> Act:
    """`act`, which raises DivergenceError where it has no finite actions."""

    def judged(observations: np.ndarray) -> np.ndarray:
        try:
            actions = act(observations)
        except ValueError as error:  # torch's distributions, of means that are not finite
            raise DivergenceError(_actions(model, folder)) from error
        if not np.isfinite(actions).all():
            raise DivergenceError(_actions(model, folder))
        return actions

    return judged


def check_actions(actions: np.ndarray, model: OffPolicyAlgorithm) -> None:
    """Raise DivergenceError unless all that `model` explores with is finite."""
    if not np.isfinite(actions).all():
        raise DivergenceError(f"the actor's actions are not finite {_remedy(model)}")


def _actions(model: OffPolicyAlgorithm, folder: Path) -> str:
    return f"the policy's actions are not finite {_remedy(model)}; {_kept(model, folder)}"


def _remedy(model: OffPolicyAlgorithm) -> str:
    return (
        f"at step {model.num_timesteps:,}: training diverged; train anew, in another folder, with a lower "
        f"learning_rate (now {model.learning_rate:g}; --set learning_rate=...) or with smaller rewards and observations"
    )


def _kept(model: OffPolicyAlgorithm, folder: Path) -> str:
    steps = [step for path in list_checkpoints(folder) if (step := int(path.name[5:])) < model.num_timesteps]
    return f"the checkpoint of step {steps[-1]:,} is whole" if steps else "no checkpoint was written before"
