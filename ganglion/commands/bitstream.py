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
from ganglion.hls.flow.load import load_bitstream, load_command
from ganglion.hls.flow.summary import write_summary
from ganglion.hls.flow.synth import Synthesis, synthesise

from ..logic import DEFAULT_BOARD, build_logic
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
        """Synthesise, place, route, pack; write summary.json when all of it is there; load it when asked to."""
        choice = self.which.choose()
        announce(choice)
        built = build_logic(choice.actor.policy, self.board, self.logic, self.build)
        console = Console()
        if built.choice:
            _explain(built.choice, console)
        summary = built.folder / "summary.json"
        summary.unlink(missing_ok=True)
        synthesis = synthesise(built.design, built.board, built.folder)
        write_summary(synthesis, built.design, summary)
        _tell(synthesis, built.board, console)
        if self.load:
            load_bitstream(built.board, synthesis.bitstream)
            console.print(f"loaded; now: ganglion run --device serial:PORT --board {built.board.name}", highlight=False)
        else:
            console.print(f"load it: {shlex.join(load_command(built.board, synthesis.bitstream))}", **PLAIN)
        return 0


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
    table.add_row("inference", f"{synthesis.cycles:,} cycles, {synthesis.core_latency_us:.1f} µs, without serial port")
    console.print(table)
