"""The ends of carry chains, cut loose before placement.

yosys ties the CIN of a chain's first cell to a constant and gives the COUT of its last one a net. nextpnr then puts a
cell in front of and one behind every chain, four look-up tables that do nothing (nextpnr, ecp5/pack.cc).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

CELL = "CCU2C"
UNCONNECTED = ["x"]


def cut_chain_ends(netlist: Path) -> int:
    """Rewrite yosys's JSON `netlist`: no COUT that nobody reads, no constant CIN on a cell that generates whatever CIN
    is. Returns the number of connections that were cut."""
    content = json.loads(netlist.read_text())
    cut = sum(_cut(module) for module in content["modules"].values())
    partial = netlist.with_name(f".{netlist.name}.partial")
    partial.write_text(json.dumps(content))
    os.replace(partial, netlist)
    return cut


def _cut(module: dict) -> int:
    cells = [cell for cell in module["cells"].values() if cell["type"] == CELL]
    if not cells:
        return 0
    readers = _readers(module)
    cut = 0
    for cell in cells:
        wires = cell["connections"]
        if not any(readers[bit] for bit in wires["COUT"]):
            wires["COUT"] = UNCONNECTED
            cut += 1
        if wires["CIN"] in (["0"], ["1"]) and _ignores_carry(cell, readers):
            wires["CIN"] = UNCONNECTED
            cut += 1
    return cut


def _readers(module: dict) -> Counter:
    readers: Counter = Counter()
    for cell in module["cells"].values():
        directions = cell["port_directions"]
        for port, bits in cell["connections"].items():
            if directions[port] != "output":
                readers.update(bits)
    for port in module["ports"].values():
        readers.update(port["bits"])
    return readers


def _ignores_carry(cell: dict, readers: Counter) -> bool:
    """Is the table of the first half zero wherever D0 = 1, as it is, and its sum unread? Then CIN reaches nothing."""
    wires = cell["connections"]
    table = int(cell["parameters"]["INIT0"], 2)
    return wires["D0"] == ["1"] and table >> 8 == 0 and not any(readers[bit] for bit in wires.get("S0", ()))
