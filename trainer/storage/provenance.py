"""Where a trained file comes from: versions, commit, protocol."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("torch", "stable-baselines3", "gymnasium", "mujoco", "numpy")


def provenance(protocol, seed: int, steps: int) -> dict:
    """The `provenance` entry of actor and teacher files; `protocol` is a dataclass."""
    versions = {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()}
    return {"seed": seed, "steps": steps, "commit": _commit(), "versions": versions, "protocol": asdict(protocol)}


def _commit() -> str:
    folder = Path(__file__).resolve().parent
    command = ["git", "-C", str(folder), "rev-parse", "--short=12", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"
