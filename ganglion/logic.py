"""From a chosen actor to the logic of an FPGA."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.hil.report import Build
from ganglion.hls.board import Board, read_board
from ganglion.hls.board_design import board_design
from ganglion.hls.choice import Choice, choose_design
from ganglion.hls.core.sequential import sequential_design
from ganglion.hls.core.spatial import spatial_design
from ganglion.hls.design import Design

from .errors import UsageError
from .options import LogicOptions
from .places import build_folder, c_identifier, note_image

DEFAULT_BOARD = "icebreaker"
SPATIAL = ("spatial", "shallow")


@dataclass(frozen=True, eq=False)
class BuiltLogic:
    """The Verilog of a simplified policy for a board, where it is to lie, and what the report says of it.

    `design` is `core` with the board around it. `choice` tells why this core, None where the user said which. `trace`
    is where a simulation writes its waveforms.
    """

    policy: Policy
    board: Board
    core: Design
    design: Design
    folder: Path
    facts: Build
    choice: Choice | None
    trace: Path | None = None


def build_logic(policy: Policy, board_name: str | None, options: LogicOptions, root: Path) -> BuiltLogic:
    """The logic of `policy` on a board of hls/boards, with its serial port; nothing of it is written yet but its
    checksum."""
    board = read_board(board_name or DEFAULT_BOARD)
    if isinstance(options.clock_mhz, int):
        board = board.at(options.clock_mhz)
    simple = simplify(policy)
    core, choice = _core(simple, board, options)
    design, folder = _surround(core, simple, board, root)
    facts = Build("fpga", core.kind, board=board.name, nonzeros_effective=simple.nonzeros, image=design.checksum)
    return BuiltLogic(simple, board, core, design, folder, facts, choice)


def with_board(built: BuiltLogic, board: Board) -> BuiltLogic:
    """The same core on the same board at the clock of `board`, in a folder of its own."""
    design, folder = _surround(built.core, built.policy, board, built.folder.parent)
    facts = replace(built.facts, image=design.checksum)
    return replace(built, board=board, design=design, folder=folder, facts=facts)


def _surround(core: Design, policy: Policy, board: Board, root: Path) -> tuple[Design, Path]:
    """`core` with its link and serial port, and the folder of this design on this board at this clock."""
    design = board_design(core, c_identifier(policy.env_id), board.name, board.clock_hz)
    folder = build_folder(policy, f"{board.name}-{core.kind}-{board.clock_mhz}mhz", root)
    note_image(folder, design.checksum)
    return design, folder


def _core(policy: Policy, board: Board, options: LogicOptions) -> tuple[Design, Choice | None]:
    adders_per_stage = board.adders_per_stage if options.adders_per_stage is None else options.adders_per_stage
    if options.design in SPATIAL:
        if options.lanes is not None:
            raise UsageError(f"--lanes {options.lanes} is for the sequential design; the {options.design} one has none")
        return spatial_design(policy, adders_per_stage, options.design == "shallow"), None
    if options.design == "sequential" or options.lanes is not None:
        if options.adders_per_stage is not None:
            raise UsageError(f"--adders-per-stage {options.adders_per_stage} is for the spatial designs; leave it out")
        return sequential_design(policy, 1 if options.lanes is None else options.lanes), None
    choice = choose_design(policy, board, options.optimize, adders_per_stage)
    if choice.chosen.kind in SPATIAL:
        return spatial_design(policy, choice.chosen.option, choice.chosen.kind == "shallow"), choice
    return sequential_design(policy, choice.chosen.option), choice
