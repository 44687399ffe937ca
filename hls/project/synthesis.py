"""The vendor's tool, where it is installed, run by the project's own script."""

from __future__ import annotations

import shlex
import shutil

from ..flow.tools import run_tool
from .project import Project

LOG = "synthesis.log"


def synthesis_command(project: Project) -> list[str]:
    """What to type in the project's folder."""
    return [word.format(name=project.name) for word in project.backend.command]


def can_synthesise(project: Project) -> bool:
    """Is the vendor's tool on PATH?"""
    return shutil.which(project.backend.program) is not None


def synthesise_project(project: Project) -> None:
    """Run the vendor's tool in the project's folder, its output in synthesis.log there; ToolError when it fails."""
    run_tool(synthesis_command(project), project.folder, LOG)


def instructions(project: Project) -> str:
    """What to do where the tool is not installed."""
    return (
        f"{project.backend.tool} ({project.backend.program}) is not on PATH here: the project is not synthesised; "
        f"elsewhere: cd {project.folder} && {shlex.join(synthesis_command(project))}"
    )
