"""From a chosen actor to what a device runs: C code, and for a board an image."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import Plan, write_plan
from ganglion.codegen.policy import Policy
from ganglion.codegen.timing import ZERO_WAIT
from ganglion.firmware.board import Board
from ganglion.firmware.image import Image, build_image
from ganglion.firmware.toolchain import find_toolchain
from ganglion.hil.report import Build

from .boards import first_board, pick_board
from .kernel_choice import choose_kernel
from .options import BuildOptions, SafetyOptions
from .places import build_folder, c_identifier
from .pricing.choice import Choice


@dataclass(frozen=True, eq=False)
class Built:
    """What was built, where it lies, and what the report says of it; `image` is None for the host."""

    plan: Plan
    image: Image | None
    folder: Path
    facts: Build


def build_for_host(policy: Policy, root: Path) -> Built:
    """Compile `policy` to portable C for this machine."""
    plan = compile_policy(policy, CompileOptions(name=c_identifier(policy.env_id)))
    folder = build_folder(policy, "native", root)
    write_plan(plan, folder / "source")
    return Built(plan, None, folder, Build("native", plan.kernel, nonzeros_effective=plan.policy.nonzeros))


def build_firmware(
    policy: Policy, options: BuildOptions, guard: SafetyOptions | None = None, flash_model: str = ZERO_WAIT
) -> Built:
    """Compile and link `policy` for a board, guarded as `guard` says; a kernel is priced with flash as slow as
    `flash_model`."""
    board = pick_board(options.target, options.board)
    toolchain = find_toolchain(options.toolchain, board)
    kernel, choice = choose_kernel(policy, board.core, options, board.name, options.toolchain, flash_model)
    plan = compile_chosen(policy, c_identifier(policy.env_id), board.core, kernel, choice)
    folder = build_folder(policy, _folder_name(board, plan.kernel), options.build)
    write_plan(plan, folder / "source")
    safety = (guard or SafetyOptions()).settings(policy)
    image = build_image(plan, board, toolchain, folder, safety)
    facts = Build(
        target=board.core,
        kernel=plan.kernel,
        toolchain=image.toolchain,
        board=board.name,
        nonzeros_effective=plan.policy.nonzeros,
        flash_bytes=asdict(image.sizes.flash),
        ram_bytes=asdict(image.sizes.ram),
        choice=plan.choice,
        energy_per_cycle_nj=board.energy_per_cycle_nj,
        energy_source=board.run_current.source if board.run_current else None,
    )
    return Built(plan, image, folder, facts)


def compile_chosen(policy: Policy, name: str, core: str, kernel: str, choice: Choice | None) -> Plan:
    """Compile `policy` with `kernel`, and write down how it was chosen."""
    plan = compile_policy(policy, CompileOptions(name, kernel, core=core))
    return replace(plan, choice=choice.as_dict() if choice else None)


def _folder_name(board: Board, kernel: str) -> str:
    """What tells builds of one actor apart: core, board unless it is its first, kernel unless it is the usual."""
    parts = [board.core]
    if board != first_board(board.core):
        parts.append(board.name)
    if kernel != CompileOptions.kernel:
        parts.append(kernel.replace(":", "").replace(",", "-"))
    return "-".join(parts)
