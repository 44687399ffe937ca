"""A compiled policy in Python, with the interface of Stable-Baselines3's models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ganglion.hil.library import Library, find_library


class ObservationError(ValueError):
    """Observations that the policy cannot take; says which shape or type is needed."""


class CompiledPolicy:
    """The generated C behind `predict`; `env_id`, `digest` (hex), `features` and `actions` say what it is."""

    def __init__(self, path: str | Path) -> None:
        self._library = Library(find_library(Path(path)))
        facts = self._library.facts
        self.env_id, self.kernel, self.digest = facts.env_id, facts.kernel, facts.digest
        self.features, self.actions, self.discrete = facts.features, facts.actions, facts.discrete

    def __repr__(self) -> str:
        return f"<policy {self.digest[:8]} for {self.env_id}: {self.features} features, {self.actions} actions>"

    def predict(
        self,
        observation: Any,
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """Actions for one observation (features,) or a batch (n, features), and `state` as it came.

        Actions are float32 (actions,) or (n, actions) in the units of the environment, or int64 () or (n,) where they
        are an index. ObservationError for another shape or type. The policy has neither state nor randomness:
        `episode_start` changes nothing, and `deterministic=False` is refused.
        """
        if not deterministic:
            raise ObservationError("a compiled policy is deterministic; call predict with deterministic=True")
        rows = self._rows(observation)
        actions, _ = self._library.infer(np.atleast_2d(rows))
        if self.discrete:
            actions = actions[:, 0].astype(np.int64)
        return (actions if rows.ndim == 2 else actions[0]), state

    def _rows(self, observation: Any) -> np.ndarray:
        try:
            values = np.asarray(observation)
        except ValueError as error:
            raise ObservationError(f"observations are no array of one shape ({error})") from error
        if values.dtype.kind not in "fiub":
            raise ObservationError(f"observations are {values.dtype}; floats or integers are needed")
        if values.ndim not in (1, 2) or values.shape[-1] != self.features:
            raise ObservationError(
                f"observations have shape {values.shape}; the policy of {self.env_id} takes "
                f"({self.features},) or (n, {self.features})"
            )
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
