"""From a board's design to a bitstream: yosys, nextpnr and the packer, and what their reports say."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..board import PIN_FILES, Board, boards, read_board
from ..design import Design, rtl_source, write_design
from .carry_chains import cut_chain_ends
from .tools import ToolError, find_tool, run_tool

TOP = "ganglion_board"
SEEDS = (1, 2, 3, 4)  # of the placement, in turn until the clock is reached
NEAR = 0.93  # of the clock: a placement that misses it by more is not helped by another seed


class PartTooSmall(ToolError):
    """The design does not fit; says what is missing and which boards of the family have it."""


class TimingError(ToolError):
    """The design fits but is too slow for the board's clock; says the slack, and the next clock that it would reach.
    `fmax_hz` is what it reached."""

    def __init__(self, message: str, fmax_hz: float) -> None:
        super().__init__(message)
        self.fmax_hz = fmax_hz


@dataclass(frozen=True)
class Synthesis:
    """What the tools report: `utilisation` maps a resource to (used, available); `fmax_hz` is the slowest clock's;
    `core_latency_us` is the design's cycles at the board's clock."""

    board: str
    kind: str
    bitstream: Path
    utilisation: dict[str, tuple[int, int]]
    fmax_hz: float
    clock_hz: int
    cycles: int

    @property
    def core_latency_us(self) -> float:
        """From the last observation code to the last action code."""
        return self.cycles / self.clock_hz * 1e6


@dataclass(frozen=True)
class Family:
    """Tools of one FPGA family. `pack` gives the packer's command from the routed file and the bitstream; `primitives`
    are modules that the family has in rtl/<family>/, in its own cells."""

    synthesis: str
    router: str
    pins_option: str
    routed_option: str
    routed: str
    bitstream: str
    packer: str
    pack: Callable[[str, str], list[str]]
    primitives: tuple[str, ...] = ()


FAMILIES = {
    "ice40": Family(
        "synth_ice40 -dsp", "nextpnr-ice40", "--pcf", "--asc", "routed.asc", "ganglion.bin", "icepack",
        lambda routed, out: [routed, out],
    ),
    "ecp5": Family(
        "synth_ecp5", "nextpnr-ecp5", "--lpf", "--textcfg", "routed.config", "ganglion.bit", "ecppack",
        lambda routed, out: ["--compress", "--input", routed, "--bit", out], ("ganglion_add",),
    ),
}  # fmt: skip


def synthesise(design: Design, board: Board, folder: Path) -> Synthesis:
    """Build `design` (with module `ganglion_top`) for `board` in `folder`.

    ToolError when a tool is missing or fails, PartTooSmall and TimingError when its result cannot be used: then no
    bitstream is left in `folder`.
    """
    family = FAMILIES[board.family]
    bitstream = folder / family.bitstream
    bitstream.unlink(missing_ok=True)
    around = {"board.v": board.wrapper, PIN_FILES[board.family]: board.pins}
    for name in family.primitives:
        if f"{name}.v" in design.files:
            around[f"{name}.v"] = rtl_source(f"{board.family}/{name}")
    sources = write_design(replace(design, files={**design.files, **around}), folder)
    _synthesise(family, board, [path.name for path in sources], folder)
    report = _close_timing(family, board, folder)
    fmax_hz = _fmax_hz(report)
    if fmax_hz < board.clock_hz:
        raise TimingError(_too_slow(design, board, fmax_hz), fmax_hz)
    _pack(family, folder)
    utilisation = {name: (entry["used"], entry["available"]) for name, entry in report["utilization"].items()}
    return Synthesis(board.name, design.kind, bitstream, utilisation, fmax_hz, board.clock_hz, design.cycles)


def _synthesise(family: Family, board: Board, sources: list[str], folder: Path) -> None:
    parameters = " ".join(f"-chparam {name} {value}" for name, value in board.parameters.items())
    script = (
        f"read_verilog -defer {' '.join(sources)}; hierarchy -top {TOP} {parameters}; "
        f"{family.synthesis} -top {TOP} -json synthesised.json"
    )
    run_tool([*find_tool("yosys"), "-q", "-p", script], folder, "yosys.log")
    if family.primitives:
        cut_chain_ends(folder / "synthesised.json")


def _close_timing(family: Family, board: Board, folder: Path) -> dict:
    """The report of the first seed with which the board's clock is reached, or of the last that was worth a try."""
    for seed in SEEDS:
        report = _place_and_route(family, board, folder, seed)
        if not NEAR * board.clock_hz <= _fmax_hz(report) < board.clock_hz:
            break
    return report


def _too_slow(design: Design, board: Board, fmax_hz: float) -> str:
    slack_ns = 1e9 / board.clock_hz - 1e9 / fmax_hz
    reached = [mhz for mhz in board.clocks if mhz * 1e6 <= fmax_hz]
    lower = f"take --clock-mhz {max(reached)}" if reached else f"the board has no clock below {min(board.clocks)} MHz"
    return (
        f"{board.name}: the {design.kind} design reaches {fmax_hz / 1e6:.1f} MHz of {board.clock_mhz} MHz (slack "
        f"{slack_ns:.2f} ns); {lower}, or take fewer --lanes or fewer --adders-per-stage"
    )


def _fmax_hz(report: dict) -> float:
    """Of the slowest clock."""
    return min(clock["achieved"] for clock in report["fmax"].values()) * 1e6


def _place_and_route(family: Family, board: Board, folder: Path, seed: int) -> dict:
    command = [*find_tool(family.router), *board.place_and_route, "--json", "synthesised.json"]
    command += [family.pins_option, PIN_FILES[board.family]]
    command += [family.routed_option, family.routed, "--freq", f"{board.clock_hz / 1e6:g}"]
    command += ["--timing-allow-fail", "--report", "report.json", "--seed", str(seed)]
    try:
        run_tool(command, folder, f"{family.router}.log")
    except ToolError as error:
        missing = _missing(folder / f"{family.router}.log")
        if missing:
            raise PartTooSmall(_explain(board, missing)) from error
        raise
    return json.loads((folder / "report.json").read_text())


def _pack(family: Family, folder: Path) -> None:
    partial = f"partial.{family.bitstream}"
    run_tool([*find_tool(family.packer), *family.pack(family.routed, partial)], folder, f"{family.packer}.log")
    os.replace(folder / partial, folder / family.bitstream)


def _missing(log: Path) -> dict[str, tuple[int, int]]:
    """Resources of which nextpnr's log says that more are used than there are."""
    if not log.exists():
        return {}
    rows = re.findall(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", log.read_text(), re.MULTILINE)
    return {name: (int(used), int(there)) for name, used, there in rows if int(used) > int(there)}


def _explain(board: Board, missing: dict[str, tuple[int, int]]) -> str:
    lacks = ", ".join(f"{used} {name} of {available}" for name, (used, available) in missing.items())
    excess = max(used / available for used, available in missing.values())
    larger = [name for name in boards() if read_board(name).luts >= excess * board.luts]
    advice = f"take {' or '.join(larger)}, or " if larger else ""
    return (
        f"{board.name} is too small: the design needs {lacks}; {advice}"
        f"an actor with at most {100 / excess:.0f} % of the nonzeros"
    )
