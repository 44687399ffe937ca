from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from ganglion.codegen.actor import read_actor
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import write_plan
from ganglion.hil.library import build_policy_library

from ..places import c_identifier


@dataclass
class Compile:
    """Compile an actor to C: a header that stands alone, and the policy for the firmware."""

    actor: tyro.conf.Positional[Path]
    """Actor file (.safetensors)."""
    out: Path
    """Folder for the C files."""
    name: str | None = None
    """Prefix of every C identifier; by default the environment's name."""
    kernel: str = CompileOptions.kernel
    """Kernel variant."""
    shared: Path | None = None
    """Also compile it for this machine, as a shared library at this path, such as policy.so, for ganglion.load."""

    def run(self) -> int:
        """Compile and write."""
        policy = read_actor(self.actor).policy
        options = CompileOptions(name=self.name or c_identifier(policy.env_id), kernel=self.kernel)
        plan = compile_policy(policy, options)
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
