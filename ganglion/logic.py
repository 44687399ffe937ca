"""From a chosen actor to the logic of an FPGA."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.hil.report import Build
from ganglion.hls.board import Board, read_board
from ganglion.hls.board_design import board_design
from ganglion.hls.design import Design
from ganglion.hls.sequential import sequential_design

from .options import LogicOptions
from .places import build_folder, c_identifier

DEFAULT_BOARD = "icebreaker"


@dataclass(frozen=True, eq=False)
class BuiltLogic:
    """The Verilog of a simplified policy for a board, where it is to lie, and what the report says of it."""

    policy: Policy
    board: Board
    design: Design
    folder: Path
    facts: Build


def build_logic(policy: Policy, board_name: str | None, options: LogicOptions, root: Path) -> BuiltLogic:
    """The sequential core for `policy` on a board of hls/boards, with its serial port; nothing is written yet."""
    board = read_board(board_name or DEFAULT_BOARD)
    simple = simplify(policy)
    core = sequential_design(simple, options.lanes)
    design = board_design(core, c_identifier(policy.env_id), board.name, board.clock_hz)
    facts = Build("fpga", design.kind, board=board.name, nonzeros_effective=simple.nonzeros)
    return BuiltLogic(simple, board, design, build_folder(policy, board.name, root), facts)
