"""The folder of a training run: it belongs to one protocol, and its files appear whole."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from .protocol import ProtocolError


def claim(folder: Path, algorithm: str, protocol) -> None:
    """Make `folder` that of a run of `protocol`, a dataclass; ProtocolError when it holds a run of another."""
    folder.mkdir(parents=True, exist_ok=True)
    file, text = folder / "protocol.json", json.dumps({"algorithm": algorithm} | asdict(protocol), indent=1)
    if file.exists() and file.read_text() != text:
        raise ProtocolError(f"{folder} holds a run of another protocol; choose another folder or remove this one")
    replace_text(file, text)


def replace_text(path: Path, text: str) -> None:
    """Write `text` to `path`, which holds the old text or the new one at every moment."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    os.replace(partial, path)
