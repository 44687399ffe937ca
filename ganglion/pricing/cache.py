"""Results remembered between runs, by all that they depend on: their key, and the text of the compiler itself."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ganglion.hil.report import write_whole

_SOURCES = ("ganglion.codegen", "ganglion.firmware", "ganglion.pricing")
_SUFFIXES = (".py", ".j2", ".toml", ".c", ".h", ".ld")


def remembered(key: tuple[str, ...], compute: Callable[[], Any]) -> Any:
    """The JSON value of `key`, computed where it is not known yet. A file that cannot be read is computed again, and a
    folder that cannot be written to costs time only."""
    text = json.dumps([*key, program_digest()])
    path = cache_folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        value = compute()
    with suppress(OSError):
        write_whole(path, json.dumps(value) + "\n")
    return value


def cache_folder() -> Path:
    """Where prices lie: in $XDG_CACHE_HOME or ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "ganglion" / "prices"


@cache
def program_digest() -> str:
    """SHA-256 (hex) of every source file that can change a price."""
    state = hashlib.sha256()
    for package in _SOURCES:
        root = Path(str(files(package)))
        for path in sorted(path for path in root.rglob("*") if path.suffix in _SUFFIXES):
            content = path.read_bytes()
            state.update(f"{package}/{path.relative_to(root)} {len(content)}\0".encode() + content)
    return state.hexdigest()
