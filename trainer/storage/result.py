"""What a finished run leaves: one JSON file that sweeps and figures read."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .folder import FolderError, replace_text
from .names import RESULT

if TYPE_CHECKING:
    from ..protocol import Protocol


class ResultError(ValueError):
    """A result that does not count: damaged, or without the policy that it is of; the message says which and why."""


@dataclass(frozen=True)
class Result:
    """Undiscounted returns of deterministic episodes of the last policy, and what it is.

    `best` is the best policy of the final phase, chosen by the learning curve and measured on the same fresh episodes
    as the last one (`step`, `selected_by`, `returns`): no headline, since it was chosen. `returns_before_integers`
    summarises the float policy at the start of integer training. `shared_dense`: the dense beginning was copied
    from a run that others began with too, so that they correlate. `file` is the policy's, `sha256` that of its content;
    None in results of earlier versions.
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
    file: str
    sha256: str | None = None

    @property
    def mean(self) -> float:
        """Mean return of the last policy."""
        return sum(self.returns) / len(self.returns)


def write_result(folder: Path, result: Result) -> None:
    """Write `result` into the run's folder, whole or not at all."""
    replace_text(folder / RESULT, json.dumps(asdict(result), indent=1) + "\n")


def read_result(folder: Path, protocol: Protocol | None = None) -> Result | None:
    """The result of a finished run, of `protocol` where that is given; None for a run that is not finished.

    ResultError for one that is damaged or whose policy is not the one that was written, FolderError for one of another
    run.
    """
    path = folder / RESULT
    if not path.exists():
        return None
    result = _parsed(path)
    if protocol is not None:
        _check_fit(path, result, protocol)
    policy = folder / result.file
    if not policy.is_file():
        raise ResultError(f"{policy} is missing, of which {RESULT} tells")
    if result.sha256 is not None and file_digest(policy) != result.sha256:
        raise ResultError(f"{policy} has not the bytes that were written (its SHA-256 differs)")
    return result


def file_digest(path: Path) -> str:
    """The SHA-256 of a file; of one that has not changed since it was asked for last, without reading it again."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=1024)
def _digest(path: Path, *_state: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_fit(path: Path, result: Result, protocol: Protocol) -> None:
    asked = protocol.described | {"quantised": protocol.quantises}
    names = ("algorithm", "env_id", "seed", "sparsity", "quantised")
    differing = [name for name in names if getattr(result, name) != asked[name]]
    if differing:
        raise FolderError(
            f"{path} is the result of another run, it differs in: {', '.join(differing)}; move it away, or choose "
            "another folder"
        )


def _parsed(path: Path) -> Result:
    try:
        values = json.loads(path.read_bytes())
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
        bad = [name for name, is_right in _KINDS.items() if not is_right(values.get(name))]
        if bad:
            raise ValueError(f"{', '.join(bad)}: missing, or no such value can be")
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{path} is damaged ({error})") from error
    return Result(**{name: values.get(name) for name in _KINDS})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_table(value: object) -> bool:
    return value is None or isinstance(value, dict)


_KINDS = {
    "algorithm": _is_text,
    "env_id": _is_text,
    "seed": _is_count,
    "sparsity": _is_number,
    "quantised": _is_flag,
    "steps": _is_count,
    "nonzeros": _is_count,
    "returns": lambda value: isinstance(value, list) and bool(value) and all(map(_is_number, value)),
    "returns_before_integers": _is_table,
    "best": _is_table,
    "shared_dense": _is_flag,
    "file": lambda value: _is_text(value) and value == Path(value).name != "",
    "sha256": lambda value: value is None or _is_text(value),
}
