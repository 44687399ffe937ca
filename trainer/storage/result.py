"""What a finished run leaves: one JSON file that sweeps and figures read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .folder import replace_text

_NAME = "result.json"


@dataclass(frozen=True)
class Result:
    """Undiscounted returns of deterministic episodes of the last policy, and what it is.

    `best` is the best policy of the final phase, chosen by the learning curve and measured on the same fresh episodes
    as the last one (`step`, `selected_by`, `returns`): no headline, since it was chosen. `returns_before_integers`
    summarises the float policy at the start of integer training. `shared_dense`: the dense beginning was copied
    from a run that others began with too, so that they correlate. `file` is the policy's.
    """

    algorithm: str
    env_id: str
    seed: int
    sparsity: float
    quantised: bool
    steps: int
    nonzeros: int
    returns: list[float]
    returns_before_integers: dict | None
    best: dict | None
    shared_dense: bool
    file: str | None

    @property
    def mean(self) -> float:
        """Mean return of the last policy."""
        return sum(self.returns) / len(self.returns)


def write_result(folder: Path, result: Result) -> None:
    """Write `result` into the run's folder, whole or not at all."""
    replace_text(folder / _NAME, json.dumps(asdict(result), indent=1) + "\n")


def read_result(folder: Path) -> Result | None:
    """The result of a finished run; None for one that is not finished."""
    path = folder / _NAME
    return Result(**json.loads(path.read_text())) if path.exists() else None
