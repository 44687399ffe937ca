from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from ganglion.hls.board import Board
from ganglion.hls.summary import write_summary
from ganglion.hls.synth import Synthesis, synthesise

from ..logic import DEFAULT_BOARD, build_logic
from ..options import ActorOptions, LogicOptions, announce

Flat = tyro.conf.arg(name="")


@dataclass
class Bitstream:
    """Build the logic of an actor for an FPGA board: Verilog, bitstream, and what the tools report of them."""

    board: str = DEFAULT_BOARD
    """Board to build for."""
    which: Annotated[ActorOptions, Flat] = field(default_factory=ActorOptions)
    logic: Annotated[LogicOptions, Flat] = field(default_factory=LogicOptions)
    build: Path = Path("build")
    """Folder for all that is built."""

    def run(self) -> int:
        """Synthesise, place, route, pack; write summary.json when all of it is there."""
        choice = self.which.choose()
        announce(choice)
        built = build_logic(choice.actor.policy, self.board, self.logic, self.build)
        summary = built.folder / "summary.json"
        summary.unlink(missing_ok=True)
        synthesis = synthesise(built.design, built.board, built.folder)
        write_summary(synthesis, built.design, summary)
        _tell(synthesis, built.board)
        return 0


def _tell(synthesis: Synthesis, board: Board) -> None:
    table = Table(title=f"{board.title}: {synthesis.kind}", show_header=False, title_justify="left")
    for name, (used, available) in synthesis.utilisation.items():
        if used:
            table.add_row(name, f"{used:,} of {available:,}")
    table.add_row("clock", f"{synthesis.clock_hz / 1e6:g} MHz; {synthesis.fmax_hz / 1e6:.1f} MHz reached")
    table.add_row("inference", f"{synthesis.cycles:,} cycles, {synthesis.core_latency_us:.1f} µs, without serial port")
    console = Console()
    console.print(table)
    load = shlex.join([*board.load, str(synthesis.bitstream)])
    console.print(f"load it: {load}", highlight=False, soft_wrap=True)
