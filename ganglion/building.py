"""From a chosen actor to what a device runs: C code, and for a board an image."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from pathlib import Path

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import Plan, write_plan
from ganglion.codegen.policy import Policy
from ganglion.firmware.board import Board, board_names, load_board
from ganglion.firmware.image import Image, build_image
from ganglion.firmware.toolchain import find_toolchain
from ganglion.hil.report import Build

from .errors import UsageError
from .options import BuildOptions, SafetyOptions
from .places import build_folder, c_identifier

DEFAULT_BOARD = "stm32f405"


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


def build_firmware(policy: Policy, options: BuildOptions, guard: SafetyOptions | None = None) -> Built:
    """Compile and link `policy` for a board, guarded as `guard` says."""
    board = pick_board(options.target, options.board)
    toolchain = find_toolchain(options.toolchain, board)
    plan = compile_policy(policy, CompileOptions(c_identifier(policy.env_id), options.kernel, core=board.core))
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
        energy_per_cycle_nj=board.energy_per_cycle_nj,
        energy_source=board.run_current.source if board.run_current else None,
    )
    return Built(plan, image, folder, facts)


def pick_board(target: str | None, name: str | None) -> Board:
    """The board called `name`, or the first one with the core `target`, DEFAULT_BOARD where nothing is said; both must
    fit each other where both are given."""
    board = load_board(name) if name else _first_board(target or load_board(DEFAULT_BOARD).core)
    if target not in (None, board.core):
        raise UsageError(
            f"board {name} has a {board.core}, the target is {target}; leave --target out or give --target {board.core}"
        )
    return board


def _first_board(target: str) -> Board:
    """The first board with the core `target`: DEFAULT_BOARD before those on the desk, and those before models."""
    boards = sorted(map(load_board, board_names()), key=lambda board: (board.name != DEFAULT_BOARD, not board.flashing))
    cores = sorted({board.core for board in boards})
    if target not in cores:
        near = difflib.get_close_matches(target.lower(), cores, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no target {target!r}; {hint}targets: {', '.join(cores)}")
    return next(board for board in boards if board.core == target)


def _folder_name(board: Board, kernel: str) -> str:
    """What tells builds of one actor apart: core, board unless it is its first, kernel unless it is the usual."""
    parts = [board.core]
    if board != _first_board(board.core):
        parts.append(board.name)
    if kernel != CompileOptions.kernel:
        parts.append(kernel)
    return "-".join(parts)
