"""What place and route said of real designs (measured.json), and their line in the table of docs/hls.md.

Constants of hls/estimate.py were fitted to the rows for `calibration`; those for `validation` were estimated
(`first_estimate`) before they were synthesised. `core_luts` leaves out link, serial port and board.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from ganglion.codegen.actor import Actor, read_actor
from ganglion.codegen.passes import simplify
from ganglion.codegen.policy import Policy
from ganglion.hls.board import Board, read_board
from tests.support.policies import random_policy

MEASURED = json.loads((Path(__file__).parent / "measured.json").read_text())


def name(row: dict) -> str:
    """What the tests are called by."""
    return f"{row['actor']}-{row['board']}-{row['kind']}-{row['option']}"


def measured_policy(row: dict) -> Policy:
    """The simplified policy of a row."""
    if row["actor"].startswith("random"):
        _, seed, sparsity, *shape = row["actor"].split()
        return simplify(random_policy(int(seed), tuple(map(int, shape)), float(sparsity)))
    return zoo_policy(row["actor"])


def zoo_policy(name: str) -> Policy:
    """The simplified policy of the zoo's actor `name`, such as "Swimmer-v4/distil-n47"."""
    return simplify(_zoo_actor(name).policy)


def measured_board(row: dict) -> Board:
    """The board of a row, at the clock that was asked of place and route."""
    board = read_board(row["board"])
    return board.at(row.get("clock_mhz", board.clock_mhz))


def table_line(row: dict) -> str:
    """Actor, nonzeros, return, board, design, tables, block RAMs, multipliers, clock, cycles, latency."""
    board = measured_board(row)
    luts = f"{row['luts']:,}" if "luts" in row else f"{row['core_luts']:,} (core alone)"
    clock, wanted = f"{row['fmax_mhz']}", board.clock_mhz
    if row["fmax_mhz"] < wanted:
        latency, clock = "refused", f"{clock} of {wanted}"
    else:
        latency, clock = f"{row['cycles'] * 1e6 / board.clock_hz:.2f} µs", f"{clock} for {wanted}"
    cells = (
        *(_title(row), f"{measured_policy(row).nonzeros:,}", _return(row), row["board"]),
        *(f"{row['kind']}-{row['option']}", luts, row["block_rams"], row["dsps"], clock, f"{row['cycles']:,}", latency),
    )
    return f"| {' | '.join(map(str, cells))} |"


def _title(row: dict) -> str:
    if not row["actor"].startswith("random"):
        return f"`{row['actor']}`"
    _, _, sparsity, *shape = row["actor"].split()
    return f"random {'-'.join(shape)}, {100 * float(sparsity):g} %"


def _return(row: dict) -> str:
    if row["actor"].startswith("random"):
        return "none"
    return f"{_zoo_actor(row['actor']).about['returns']['quantised']['mean']:,.0f}"


def _zoo_actor(name: str) -> Actor:
    return read_actor(Path(str(files("ganglion.zoo"))) / f"{name}.safetensors")
