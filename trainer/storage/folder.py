"""The folder of a run: it belongs to what the run was asked for, and its files appear whole."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from .disk import writing

PROTOCOL, SETTINGS = "protocol.json", "settings.json"  # of teachers and of students: who may share a folder


class FolderError(ValueError):
    """A folder that holds a run of something else; the message says in what it differs."""


def claim(folder: Path, run: dict, file: str = PROTOCOL) -> None:
    """Make `folder` the run's that `run` describes (plain values, written to `file`); FolderError where it holds
    another one's, DiskError where it cannot be written."""
    check_owner(folder, run, file)
    if not owns(folder, run, file):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        replace_text(folder / file, _told(run))


def remove_partial(folder: Path) -> None:
    """Remove what runs that were killed had begun to write into `folder`; no run may be going on there."""
    for begun in [*folder.glob(".partial-*"), *folder.glob(".*.partial")]:
        with writing(begun):
            shutil.rmtree(begun) if begun.is_dir() else begun.unlink()


def check_owner(folder: Path, run: dict, file: str = PROTOCOL) -> None:
    """FolderError where `folder` is another run's than the one that `run` describes; nothing is written."""
    path = folder / file
    if path.exists() and not owns(folder, run, file):
        raise FolderError(
            f"{folder} holds a run that differs in: {_differences(path, run)}; choose another folder or remove this one"
        )


def owns(folder: Path, run: dict, file: str = PROTOCOL) -> bool:
    """Whether `folder` is claimed by the run that `run` describes."""
    path = folder / file
    return path.exists() and path.read_text() == _told(run)


def replace_text(path: Path, text: str) -> None:
    """Write `text` to `path`, which holds the old text or the new one at every moment; DiskError where that fails."""
    replace_bytes(path, text.encode())


def replace_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write `content` to `path`, which holds the old content or the new one at every moment; DiskError where that
    fails."""
    partial = path.with_name(f".{path.name}.partial")
    with writing(path):
        try:
            partial.write_bytes(content)
            os.replace(partial, path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def _told(run: dict) -> str:
    return json.dumps(run, indent=1)


def _differences(path: Path, run: dict) -> str:
    """Names of what the file tells and what `run` tells otherwise, those of nested values behind a dot."""
    try:
        there = _flat(json.loads(path.read_text()))
    except (json.JSONDecodeError, AttributeError):
        return f"{path.name}, which cannot be read"
    asked = _flat(json.loads(_told(run)))
    return ", ".join(name for name in {**there, **asked} if there.get(name) != asked.get(name))


def _flat(values: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
