"""Which run a folder belongs to."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .settings import DistilError

_FILE = "settings.json"


def claim(folder: Path, run: dict) -> None:
    """Make `folder` the run's that `run` describes (plain values); DistilError where it holds another one's."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _FILE
    if file.exists() and not owns(folder, run):
        raise DistilError(
            f"{folder} holds the run of another teacher or with other settings (it differs in: "
            f"{_differences(file, run)}); choose another folder or remove it"
        )
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(run, indent=1))
    os.replace(partial, file)


def owns(folder: Path, run: dict) -> bool:
    """Whether `folder` is claimed by the run that `run` describes."""
    file = folder / _FILE
    return file.exists() and file.read_text() == json.dumps(run, indent=1)


def _differences(file: Path, run: dict) -> str:
    """Names of what the file tells and what `run` tells otherwise, those of nested values behind a dot."""
    try:
        there = _flat(json.loads(file.read_text()))
    except (json.JSONDecodeError, AttributeError):
        return f"{file.name}, which cannot be read"
    asked = _flat(json.loads(json.dumps(run)))
    return ", ".join(name for name in {**there, **asked} if there.get(name) != asked.get(name))


def _flat(values: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
