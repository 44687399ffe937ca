"""What the trainer calls the files of a run: in its folder nothing of another name is removed, renamed or read."""

from __future__ import annotations

import re
from pathlib import Path

PROTOCOL, SETTINGS = "protocol.json", "settings.json"  # of teachers and of students: who may share a folder
CURVE, STEP, RESULT, LOCK, LOG = "curve.jsonl", "step", "result.json", ".lock", "log.txt"
POLICIES = ("actor.safetensors", "teacher.safetensors", "model.zip")
BEST = tuple(f"best-{name}" for name in POLICIES)
FILES = (PROTOCOL, CURVE, STEP, RESULT, LOCK, LOG, *POLICIES, *BEST)

_CHECKPOINT = re.compile(r"step-([0-9]{9,})")
_PARTIAL_CHECKPOINT = ".partial-"


def checkpoint_name(step: int) -> str:
    """The name of the checkpoint that lies at `step`."""
    return f"step-{step:09d}"


def checkpoint_step(name: str) -> int | None:
    """The step that the name of a checkpoint tells; None for another name."""
    match = _CHECKPOINT.fullmatch(name)
    return int(match[1]) if match else None


def partial_name(name: str) -> str:
    """What a file or checkpoint is called until all of it is written."""
    return f".{name}.partial" if checkpoint_step(name) is None else _PARTIAL_CHECKPOINT + name


def is_partial(path: Path) -> bool:
    """Whether `path` has the name of a run's file or checkpoint of which not all is written yet."""
    if path.name.startswith(_PARTIAL_CHECKPOINT):
        return checkpoint_step(path.name.removeprefix(_PARTIAL_CHECKPOINT)) is not None
    return path.name in map(partial_name, FILES)
