from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from ganglion.codegen.plan import write_plan
from ganglion.hil.library import build_policy_library

from ..building import compile_chosen
from ..errors import UsageError
from ..kernel_choice import choose_kernel
from ..options import ActorOptions, Flat, KernelOptions
from ..places import c_identifier
from ..selection import Choice


@dataclass
class Compile:
    """Compile an actor to C: a header that stands alone, and the policy for the firmware."""

    out: Path
    """Folder for the C files."""
    file: tyro.conf.Positional[Path | None] = None
    """Actor file (.safetensors), the same as --actor."""
    which: Annotated[ActorOptions, Flat] = field(default_factory=ActorOptions)
    name: str | None = None
    """Prefix of every C identifier; by default the environment's name."""
    target: str = "cortex-m4"
    """Core that the code is for."""
    how: Annotated[KernelOptions, Flat] = field(default_factory=KernelOptions)
    shared: Path | None = None
    """Also compile it for this machine, as a shared library at this path, such as policy.so, for ganglion.load."""

    def run(self) -> int:
        """Compile and write."""
        self.how.check_flash("a compilation")
        policy = self._choose().actor.policy
        kernel, choice = choose_kernel(policy, self.target, self.how)
        plan = compile_chosen(policy, self.name or c_identifier(policy.env_id), self.target, kernel, choice)
        write_plan(plan, self.out)
        if self.shared:
            build_policy_library(plan, self.shared)
        sizes = plan.overview
        Console().print(
            f"{self.out}: {', '.join(plan.files)}\n"
            f"{plan.policy.nonzeros:,} of {sizes.nominal_nonzeros:,} nonzero weights left after simplification; "
            f"files {plan.digest[:12]}",
            highlight=False,
            soft_wrap=True,
        )
        return 0

    def _choose(self) -> Choice:
        if self.file is None:
            return self.which.choose()
        if self.which.actor not in (None, self.file):
            raise UsageError(f"two actor files were given, {self.file} and {self.which.actor}; give one of them")
        return replace(self.which, actor=self.file).choose()
