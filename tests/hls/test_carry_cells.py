"""The adder in ECP5's carry cells computes what the plain one does, and its chains need nothing at their ends."""

import json
import subprocess
from pathlib import Path

import pytest

from ganglion.hls.design import rtl_source
from ganglion.hls.flow.carry_chains import UNCONNECTED, cut_chain_ends

from .support import broad

MODELS = Path(__file__).parent / "models"


@broad
@pytest.mark.parametrize("adder", ["ganglion_add", "ecp5/ganglion_add"])
def test_every_constant_is_added_and_no_chain_needs_a_carry_in(adder, tmp_path):
    source = rtl_source(adder).replace("CIN(i == 0 ? 1'b0", "CIN(i == 0 ? 1'bx")
    (tmp_path / "adder.v").write_text(source)
    sources = ["adder.v", *map(str, (MODELS / "ccu2c.v", MODELS / "adders.v"))]
    subprocess.run(["iverilog", "-g2005", "-s", "adders", "-o", "adders.vvp", *sources], cwd=tmp_path, check=True)
    done = subprocess.run(["vvp", "-n", "adders.vvp"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["all equal"]


def cell(table, carry_in, carry_out, sums=("s0", "s1")):
    wires = {"A0": ["a"], "D0": ["1"], "CIN": [carry_in], "COUT": [carry_out], "S0": [sums[0]], "S1": [sums[1]]}
    directions = {name: "output" if name in ("COUT", "S0", "S1") else "input" for name in wires}
    return {
        "type": "CCU2C",
        "parameters": {"INIT0": f"{table:016b}"},
        "connections": wires,
        "port_directions": directions,
    }


def cut(tmp_path, **cells):
    path = tmp_path / "netlist.json"
    module = {"cells": cells, "ports": {"y": {"direction": "output", "bits": ["s1", "t0", "t1"]}}}
    path.write_text(json.dumps({"modules": {"top": module}}))
    count = cut_chain_ends(path)
    return count, json.loads(path.read_text())["modules"]["top"]["cells"]


def test_only_the_two_ends_of_a_chain_are_cut(tmp_path):
    count, cells = cut(
        tmp_path, first=cell(0x0008, "0", "c"), last=cell(0x96AA, "c", "unread", ("t0", "t1"))
    )  # fmt: skip
    assert count == 2
    assert cells["first"]["connections"]["CIN"] == UNCONNECTED
    assert cells["first"]["connections"]["COUT"] == cells["last"]["connections"]["CIN"] == ["c"]
    assert cells["last"]["connections"]["COUT"] == UNCONNECTED


def test_a_carry_in_that_matters_stays(tmp_path):
    count, cells = cut(tmp_path, needs=cell(0x96AA, "1", "c"), read=cell(0x0008, "0", "d", ("t0", "t1")))
    assert [cells[name]["connections"]["CIN"] for name in ("needs", "read")] == [["1"], ["0"]]
    assert count == 2  # both carries out lead nowhere
