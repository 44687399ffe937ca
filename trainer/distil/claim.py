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
            f"{folder} holds the run of another teacher or with other settings; choose another folder or remove it"
        )
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(run, indent=1))
    os.replace(partial, file)


def owns(folder: Path, run: dict) -> bool:
    """Whether `folder` is claimed by the run that `run` describes."""
    file = folder / _FILE
    return file.exists() and file.read_text() == json.dumps(run, indent=1)
