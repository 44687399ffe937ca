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
from .options import BuildOptions
from .places import build_folder, c_identifier


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


def build_firmware(policy: Policy, options: BuildOptions) -> Built:
    """Compile and link `policy` for a board."""
    board = pick_board(options.target, options.board)
    toolchain = find_toolchain(options.toolchain, board)
    plan = compile_policy(policy, CompileOptions(c_identifier(policy.env_id), options.kernel, core=board.core))
    target = board.core if plan.kernel == CompileOptions.kernel else f"{board.core}-{plan.kernel}"
    folder = build_folder(policy, target, options.build)
    write_plan(plan, folder / "source")
    image = build_image(plan, board, toolchain, folder)
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


def pick_board(target: str, name: str | None) -> Board:
    """The board called `name`, or the first one with the core `target`; both must fit each other."""
    boards = [load_board(known) for known in board_names()]
    cores = sorted({board.core for board in boards})
    if target not in cores:
        near = difflib.get_close_matches(target.lower(), cores, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no target {target!r}; {hint}targets: {', '.join(cores)}")
    if name is None:
        return next(board for board in boards if board.core == target)
    board = load_board(name)
    if board.core != target:
        raise UsageError(f"board {name} has a {board.core}, the target is {target}; give --target {board.core}")
    return board
