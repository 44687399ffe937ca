from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from ganglion.hls.board import Board
from ganglion.hls.choice import Choice
from ganglion.hls.flow.fastest import at_fastest_clock
from ganglion.hls.flow.load import load_bitstream, load_command
from ganglion.hls.flow.summary import write_summary
from ganglion.hls.flow.synth import Synthesis, synthesise

from ..logic import DEFAULT_BOARD, BuiltLogic, build_logic, with_board
from ..options import ActorOptions, LogicOptions, announce

Flat = tyro.conf.arg(name="")
PLAIN = {"highlight": False, "soft_wrap": True}


@dataclass
class Bitstream:
    """Build the logic of an actor for an FPGA board: Verilog, bitstream, and what the tools report of them."""

    board: str = DEFAULT_BOARD
    """Board to build for."""
    which: Annotated[ActorOptions, Flat] = field(default_factory=ActorOptions)
    logic: Annotated[LogicOptions, Flat] = field(default_factory=LogicOptions)
    load: bool = False
    """Load the bitstream into the board that is attached, by openFPGALoader."""
    build: Path = Path("build")
    """Folder for all that is built."""

    def run(self) -> int:
        """Synthesise, place, route, pack, at one clock or at the fastest that is reached; load it when asked to."""
        choice = self.which.choose()
        announce(choice)
        built = build_logic(choice.actor.policy, self.board, self.logic, self.build)
        console = Console()
        if built.choice:
            _explain(built.choice, console)
        synthesis = self._synthesise(built, console)
        _tell(synthesis, built.board, console)
        if self.load:
            load_bitstream(built.board, synthesis.bitstream)
            console.print(f"loaded; now: ganglion run --device serial:PORT --board {built.board.name}", highlight=False)
        else:
            console.print(f"load it: {shlex.join(load_command(built.board, synthesis.bitstream))}", **PLAIN)
        return 0

    def _synthesise(self, built: BuiltLogic, console: Console) -> Synthesis:
        if self.logic.clock_mhz != "auto":
            return _synthesise_whole(built)

        def attempt(board: Board) -> Synthesis:
            console.print(f"trying {board.clock_mhz} MHz", **PLAIN)
            return _synthesise_whole(with_board(built, board))

        return at_fastest_clock(built.board, attempt)


def _synthesise_whole(built: BuiltLogic) -> Synthesis:
    """The bitstream, and summary.json when all of it is there."""
    summary = built.folder / "summary.json"
    summary.unlink(missing_ok=True)
    synthesis = synthesise(built.design, built.board, built.folder)
    write_summary(synthesis, built.design, summary)
    return synthesis


def _explain(choice: Choice, console: Console) -> None:
    for estimate in choice.looked_at:
        mark = "*" if estimate is choice.chosen else " "
        console.print(f"{mark} about {estimate}", **PLAIN)
    console.print(f"  {choice.reason}", **PLAIN)


def _tell(synthesis: Synthesis, board: Board, console: Console) -> None:
    table = Table(title=f"{board.title}: {synthesis.kind}", show_header=False, title_justify="left")
    for name, (used, available) in synthesis.utilisation.items():
        if used:
            table.add_row(name, f"{used:,} of {available:,}")
    table.add_row("clock", f"{synthesis.clock_hz / 1e6:g} MHz; {synthesis.fmax_hz / 1e6:.1f} MHz reached")
    table.add_row("inference", f"{synthesis.cycles:,} cycles, {synthesis.core_latency_us:.3g} µs, without serial port")
    console.print(table)
