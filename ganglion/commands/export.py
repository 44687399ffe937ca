from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.export import FORMATS, Package, export_plan
from ganglion.codegen.plan import write_plan

from ..options import ActorOptions, announce
from ..places import build_folder, c_identifier

Flat = tyro.conf.arg(name="")


@dataclass
class Export:
    """Take the code along: a folder for another build system, with example, known-answer test and README."""

    form: Annotated[str, tyro.conf.arg(name="as")]
    """Build system: c, cmake, arduino, platformio, zephyr, cmsis-pack or esp-idf."""
    which: Annotated[ActorOptions, Flat] = field(default_factory=ActorOptions)
    out: Path | None = None
    """Folder to write; by default one below build/. One that was edited by hand is never replaced."""
    name: str | None = None
    """Prefix of every C identifier; by default the environment's name."""
    kernel: str = CompileOptions.kernel
    """Kernel: csr, rows and stream are portable C; straight and lanes need the core."""
    core: str = CompileOptions.core
    """Core that a kernel in assembly is written for, such as cortex-m4."""
    package_version: str = Package.version
    """Version in the manifests."""
    author: str = Package.author
    """Author in the manifests."""
    url: str = Package.url
    """Address in the manifests."""

    def run(self) -> int:
        """Compile and write."""
        choice = self.which.choose()
        announce(choice)
        policy = choice.actor.policy
        options = CompileOptions(self.name or c_identifier(policy.env_id), self.kernel, core=self.core)
        package = Package(self.package_version, self.author, self.url)
        plan = export_plan(compile_policy(policy, options), self.form, package)
        folder = self.out or build_folder(policy, f"export-{self.form}")
        write_plan(plan, folder)
        Console().print(f"{folder} for {FORMATS[self.form].title}: read {folder / 'README.md'}", soft_wrap=True)
        return 0
