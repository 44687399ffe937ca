"""From a chosen actor to what a device runs: C code, and for a board an image."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import Plan, write_plan
from ganglion.codegen.policy import Policy
from ganglion.codegen.safe_action import safe_action
from ganglion.firmware.board import Board
from ganglion.firmware.image import Image, build_image
from ganglion.firmware.safety import Safety
from ganglion.firmware.toolchain import find_toolchain
from ganglion.hil.report import Build

from .boards import first_board, pick_board
from .kernel_choice import choose_kernel
from .options import BuildOptions, SafetyOptions
from .places import build_folder, c_identifier, note_image
from .pricing.choice import Choice
from .pricing.target import DEFAULT_TOOLCHAIN


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
    note_image(folder, plan.digest)
    facts = Build("native", plan.kernel, nonzeros_effective=plan.policy.nonzeros, image=plan.digest)
    return Built(plan, None, folder, facts)


def build_firmware(policy: Policy, options: BuildOptions, guard: SafetyOptions | None = None) -> Built:
    """Compile and link `policy` for a board, guarded as `guard` says."""
    board = pick_board(options.target, options.board)
    toolchain = find_toolchain(options.toolchain, board)
    kernel, choice = choose_kernel(policy, board.core, options, board.name, options.toolchain)
    plan = compile_chosen(policy, c_identifier(policy.env_id), board.core, kernel, choice)
    safety = (guard or SafetyOptions()).settings(policy)
    name = "-".join([*_names(board, options.toolchain, plan.kernel), *_guard_names(policy, safety, board)])
    folder = build_folder(policy, name, options.build)
    write_plan(plan, folder / "source")
    image = build_image(plan, board, toolchain, folder, safety)
    digest = hashlib.sha256(image.bin.read_bytes()).hexdigest()
    note_image(folder, digest)
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
        image=digest,
    )
    return Built(plan, image, folder, facts)


def compile_chosen(policy: Policy, name: str, core: str, kernel: str, choice: Choice | None) -> Plan:
    """Compile `policy` with `kernel`, and write down how it was chosen."""
    plan = compile_policy(policy, CompileOptions(name, kernel, core=core))
    return replace(plan, choice=choice.as_dict() if choice else None)


def _names(board: Board, toolchain: str, kernel: str) -> list[str]:
    """What tells builds of one actor apart: core, board unless it is its first, compiler and kernel unless they are the
    usual."""
    names = [board.core]
    if board != first_board(board.core):
        names.append(board.name)
    if toolchain != DEFAULT_TOOLCHAIN:
        names.append(toolchain)
    if kernel != CompileOptions.kernel:
        names.append(kernel.replace(":", "").replace(",", "-"))
    return names


def _guard_names(policy: Policy, safety: Safety, board: Board) -> list[str]:
    """The guards that are not the usual; a safe action by the checksum of its codes."""
    names = []
    if safety.action != safe_action(policy):
        names.append(f"action{zlib.crc32(repr(safety.action).encode()):08x}")
    if safety.timeout_ms:
        names.append(f"timeout{safety.timeout_ms}")
    if safety.when_not_finite:
        names.append("finite")
    usual_ms = board.watchdog.timeout_ms if board.watchdog else 0
    if safety.watchdog_ms not in (None, usual_ms):
        names.append(f"watchdog{safety.watchdog_ms}")
    return names
