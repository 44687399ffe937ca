from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from ganglion.codegen.compile import CompileOptions
from ganglion.codegen.export import FORMATS, Package, export_plan
from ganglion.codegen.plan import write_plan

from ..building import compile_chosen
from ..kernel_choice import choose_kernel
from ..options import ActorOptions, Flat, KernelOptions, announce
from ..places import build_folder, c_identifier


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
    how: Annotated[KernelOptions, Flat] = field(default_factory=KernelOptions)
    core: str = CompileOptions.core
    """Core that prices are for, and that a kernel in assembly is written for, such as cortex-m4."""
    package_version: str = Package.version
    """Version in the manifests."""
    author: str = Package.author
    """Author in the manifests."""
    url: str = Package.url
    """Address in the manifests."""

    def run(self) -> int:
        """Compile and write."""
        self.how.check_flash("an export")
        choice = self.which.choose()
        announce(choice)
        policy = choice.actor.policy
        kernel, chosen = choose_kernel(policy, self.core, self.how)
        plan = compile_chosen(policy, self.name or c_identifier(policy.env_id), self.core, kernel, chosen)
        plan = export_plan(plan, self.form, Package(self.package_version, self.author, self.url))
        folder = self.out or build_folder(policy, f"export-{self.form}")
        write_plan(plan, folder)
        Console().print(f"{folder} for {FORMATS[self.form].title}: read {folder / 'README.md'}", soft_wrap=True)
        return 0
