"""The folder of a run: it belongs to what the run was asked for, and its files appear whole."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from .disk import writing
from .names import FILES, LOCK, LOG, PROTOCOL, is_partial, partial_name

_BEFORE_A_CLAIM = {LOCK, LOG, partial_name(PROTOCOL)}
_NAMED = 3
_MISSING = object()


class FolderError(ValueError):
    """A folder that a run cannot have; the message says what it holds or in what it differs, and what to do."""


def claim(folder: Path, run: dict, file: str = PROTOCOL) -> None:
    """Make `folder` the run's that `run` describes (plain values, written to `file`); FolderError where it holds
    another one's, DiskError where it cannot be written."""
    check_owner(folder, run, file)
    if not owns(folder, run, file):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        replace_text(folder / file, told(run))


def remove_partial(folder: Path) -> None:
    """Remove what runs that were killed had begun to write into `folder`; no run may be going on there."""
    for begun in [path for path in folder.iterdir() if is_partial(path)]:
        with writing(begun):
            shutil.rmtree(begun) if begun.is_dir() else begun.unlink()


def check_place(folder: Path, run: dict) -> None:
    """FolderError where the run that `run` describes cannot be trained in `folder`: it is another run's, or holds what
    no run left there; nothing is written."""
    check_owner(folder, run)
    if not folder.exists():
        return
    others = sorted(path.name for path in folder.iterdir() if path.name not in _BEFORE_A_CLAIM)
    if others and PROTOCOL not in others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        raise FolderError(
            f"{folder} holds {', '.join(others[:_NAMED])}{more} and is no run's (there is no {PROTOCOL}); choose "
            "another folder or an empty one"
        )
    for path in (folder / name for name in FILES):
        if path.is_dir():
            raise FolderError(f"{path} is a folder, but the run writes a file of this name; move it away")


def check_writable(folder: Path) -> None:
    """FolderError where `folder` can neither be written nor made; nothing is written."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        raise FolderError(f"{place} is a file, not a folder; choose another")
    if not os.access(place, os.W_OK | os.X_OK):
        raise FolderError(f"{place} cannot be written; see to it that it can be, or choose another folder")


def check_owner(folder: Path, run: dict, file: str = PROTOCOL) -> None:
    """FolderError where `folder` is a file, or another run's than the one that `run` describes; nothing is written."""
    if folder.exists() and not folder.is_dir():
        raise FolderError(f"{folder} is a file, not a folder; choose another")
    path = folder / file
    if path.exists() and (differing := differences(path, run)):
        raise FolderError(
            f"{folder} holds a run that differs in: {', '.join(differing)}; choose another folder or remove this one"
        )


def owns(folder: Path, run: dict, file: str = PROTOCOL) -> bool:
    """Whether `folder` is claimed by the run that `run` describes."""
    path = folder / file
    return path.exists() and not differences(path, run)


def replace_text(path: Path, text: str) -> None:
    """Write `text` to `path`, which holds the old text or the new one at every moment; DiskError where that fails."""
    replace_bytes(path, text.encode())


def replace_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write `content` to `path`, which holds the old content or the new one at every moment; DiskError where that
    fails."""
    partial = path.with_name(partial_name(path.name))
    with writing(path):
        try:
            partial.write_bytes(content)
            os.replace(partial, path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def told(run: dict) -> str:
    """What a file tells of the run that `run` describes."""
    return json.dumps(run, indent=1)


def differences(path: Path, run: dict) -> list[str]:
    """Names of the values that the file `path` tells otherwise than `run`, those of nested ones behind a dot; none
    where it tells the same, however it is laid out."""
    try:
        there = _flat(json.loads(path.read_bytes()))
    except (OSError, ValueError, AttributeError, RecursionError):
        return [f"{path.name}, which cannot be read"]
    asked = _flat(json.loads(told(run)))
    return [name for name in {**there, **asked} if there.get(name, _MISSING) != asked.get(name, _MISSING)]


def _flat(values: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in values.items():
        nested = isinstance(value, dict) and bool(value)
        flat |= _flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return flat
