"""The benchmark: rows that are checked, reasons for what is left out, a front, a baseline that shows what moved, a page
that says what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from ganglion.bench import peers
from ganglion.bench.baseline import Content, changes, content_text, merged, read_content
from ganglion.bench.nets import NETS, SPARSITIES, Net, erk_net
from ganglion.bench.page import bench_page
from ganglion.bench.peers import PEERS, missing_peer, peer_function
from ganglion.bench.plot import _style, pareto_front, plot_svg
from ganglion.bench.rows import ALL_KERNELS, Case, KernelRow, LeftOut, Selection
from ganglion.bench.suite import BenchError, _compare, measure_case, measure_kernels
from ganglion.main import main

DOCS = Path(__file__).parents[2] / "docs"
SHAPE = (5, 16, 3)
NET = Net(SHAPE)
ROW = KernelRow("1-2-3", 0.5, "", "cortex-m4", "zero-wait", 8, 3, 10, 0, 0.0, 1.0, 5, 0, 64, 0.1)


def _row(kernel: str, cycles: int, flash_bytes: int, **changed) -> KernelRow:
    changed |= {"kernel": kernel, "cycles": cycles, "mean_cycles": cycles, "policy_flash_bytes": flash_bytes}
    return replace(ROW, **changed)


def _content(*rows: KernelRow, left_out: tuple[LeftOut, ...] = ()) -> Content:
    return Content("0" * 40, "a machine", "a compiler", rows, left_out)


@pytest.fixture(scope="module")
def rows() -> list[KernelRow]:
    """A small net with every peer and three kernels, one of them data dependent."""
    kernels = ("rows", "scatter", "lanes", *PEERS)
    selection = Selection((NET,), (0.5,), kernels, ("cortex-m4",), ("zero-wait",), all=True)
    return list(measure_kernels(selection))


def test_every_row_is_there_and_counted(rows):
    assert [row.kernel for row in rows] == ["rows", "scatter", "lanes", *PEERS]
    assert all(row.net == "5-16-3" and row.nnz_effective == rows[0].nnz_effective > 0 for row in rows)
    assert all(0 < row.instructions <= row.cycles and row.ram_bytes > 0 for row in rows)
    float_peer = next(row for row in rows if row.kernel == "float32-c")
    assert float_peer.policy_flash_bytes > 4 * float_peer.nnz_effective and float_peer.weight_bits == 32


def test_a_data_dependent_kernel_has_a_mean_below_its_most(rows):
    scatter = next(row for row in rows if row.kernel == "scatter")
    assert scatter.inputs == 64 and scatter.mean_cycles < scatter.cycles


def test_static_buffers_count_as_ram(rows):
    """emlearn keeps two buffers of 16 floats; its RAM is more than them."""
    assert next(row for row in rows if row.kernel == "emlearn").ram_bytes > 2 * 16 * 4


def test_processes_give_the_counts_of_one(rows):
    selection = Selection((NET,), (0.5,), ("rows", "scatter"), ("cortex-m4",), ("zero-wait",), all=True)
    again = list(measure_kernels(selection, processes=2))
    assert [replace(row, compile_s=0) for row in again] == [replace(row, compile_s=0) for row in rows[:2]]


def test_slow_flash_is_a_row_of_its_own(rows):
    slow = measure_case(Case(NET, 0.5, "rows", "cortex-m4", "stm32f405-art"))
    assert slow.cycles > rows[0].cycles and slow.instructions == rows[0].instructions
    assert slow.key == f"{rows[0].key} stm32f405-art"


def test_narrow_weights_are_a_net_of_their_own():
    case = Case(Net(SHAPE, weight_bits=3), 0.5, "packed", "cortex-m4")
    row = measure_case(case)
    assert (row.net, row.weight_bits) == ("5-16-3-3bit", 3)
    assert np.abs(erk_net(SHAPE, 0.5, weight_bits=3).layers[0].weights).max() == 3


@pytest.mark.parametrize(
    ("case", "limit", "reason"),
    [
        (Case(NET, 0.5, "lanes", "cortex-m3"), 99, "cortex-m3 does not have the instructions of dsp"),
        (Case(NET, 0.5, "straight", "cortex-m0plus"), 99, "cortex-m0plus does not have the instructions of armv7-m"),
        (Case(NET, 0.5, "float32-c", "cortex-m3"), 99, "cortex-m3 has no FPU"),
        (Case(NET, 0.5, "straight", "cortex-m4"), 9, "straight-line code for 55 weights; the limit is 9"),
    ],
)
def test_what_is_left_out_has_a_reason(case, limit, reason):
    found = measure_case(case, limit)
    assert isinstance(found, LeftOut)
    assert found.reason == reason


def test_a_peer_without_its_package_is_said_to_be_missing(monkeypatch):
    assert missing_peer(PEERS["emlearn"]) is None
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    found = measure_case(Case(NET, 0.5, "emlearn", "cortex-m4"))
    assert isinstance(found, LeftOut)
    assert found.reason == "emlearn is not installed; pip install -c constraints.txt -e '.[bench]'"


def test_the_default_suite_is_part_of_all():
    some, every = list(Selection().cases()), list(Selection(all=True).cases())
    assert set(some) < set(every) and len(set(every)) == len(every)
    of_core = {core: {case.sparsity for case in cases} for core, cases in groupby(some, lambda case: case.core)}
    assert of_core["cortex-m4"] == set(SPARSITIES) and of_core["cortex-m3"] == {0.95, 0.98, 0.99}
    assert {case.net for case in some} == set(NETS)


def test_masks_of_blocks_live_or_die_together():
    weights = erk_net((6, 9, 4), 0.5, block=(2, 2)).layers[0].weights
    alive = [
        np.count_nonzero(weights[row : row + 2, column : column + 2]) for row in range(0, 8, 2) for column in (0, 2, 4)
    ]
    assert set(alive) == {0, 4}
    assert [str(net) for net in NETS[:2]] == ["11-256-256-3", "11-256-256-3-1x2"]


def test_a_wrong_result_is_an_error():
    policy = erk_net(SHAPE, 0.5)
    assert "weights1" in peer_function(PEERS["int8-dense-c"], policy).header
    with pytest.raises(BenchError, match=r"rows on cortex-m4: gives \[1\], the oracle \[2\]"):
        _compare("rows", "cortex-m4", np.array([1]), np.array([2]))


def test_every_kernel_and_peer_is_drawn_in_its_own_way():
    styles = {tuple(_style(kernel)[key] for key in ("marker", "color")) for kernel in ALL_KERNELS}
    assert len(styles) == len(ALL_KERNELS)


def test_the_front_holds_what_nothing_beats():
    rows = [_row("small", 90, 10), _row("beaten", 95, 20), _row("fast", 10, 40), _row("both", 80, 10)]
    assert [row.kernel for row in pareto_front(rows)] == ["both", "fast"]


def test_the_plot_is_the_same_for_the_same_counts_and_names_each_kernel_once(rows):
    text = plot_svg(rows, "5-16-3", "cortex-m4")
    assert text == plot_svg(rows, "5-16-3", "cortex-m4")
    words = [element.text for element in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    for row in rows:
        assert words.count(f"peer: {row.kernel}" if row.kernel in PEERS else row.kernel) == 1


def test_a_baseline_shows_one_percent_and_keeps_other_rows(tmp_path):
    path = tmp_path / "kernels.json"
    assert read_content(path) is None
    first = _content(_row("csr", 1000, 100), _row("rows", 500, 100))
    path.write_text(content_text(first))
    assert read_content(path) == first
    assert changes([_row("csr", 1009, 100)], first) == []
    worse, better = changes([_row("csr", 1010, 99)], first)
    assert (worse.field, worse.worse, better.field, better.worse) == ("cycles", True, "policy_flash_bytes", False)
    renewed = merged(_content(_row("csr", 900, 100)), first)
    assert [(row.kernel, row.cycles) for row in renewed.rows] == [("csr", 900), ("rows", 500)]


def test_a_measured_row_is_no_longer_left_out():
    left_out = LeftOut("1-2-3", 0.5, "csr", "cortex-m4", "zero-wait", "why")
    assert merged(_content(left_out=(left_out,)), _content(_row("csr", 1, 1))).left_out == ()


def test_the_command_writes_rows_plots_and_page_and_fails_on_a_regression(tmp_path, capsys):
    baseline = tmp_path / "bench" / "kernels.json"
    arguments = [
        "bench", "--nets", "11-256-256-3", "--sparsities", "0.99", "--kernels", "rows", "lanes", "--cores", "cortex-m3",
        "--out", str(tmp_path), "--baseline", str(baseline), "--processes", "1",
    ]  # fmt: skip
    assert main([*arguments, "--update-baseline"]) == 0
    assert "left out: 11-256-256-3 0.99 lanes cortex-m3: cortex-m3 does not have" in capsys.readouterr().out
    content = json.loads((tmp_path / "kernels.json").read_text())
    assert content["suite"] == "kernels" and content["rows"][0]["net"] == "11-256-256-3"
    for folder in (tmp_path, baseline.parent):
        assert (folder / "kernels-11-256-256-3-cortex-m3.svg").read_text().lstrip().startswith("<?xml")
    assert (tmp_path / "bench.md").read_text() == bench_page(read_content(baseline))
    counts = json.loads(baseline.read_text())
    counts["rows"][0]["cycles"] -= 100
    baseline.write_text(json.dumps(counts))
    assert main(arguments) == 1
    assert "cycles" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cores", "cortex-m99"], "allowed: cortex-m0plus, cortex-m3, cortex-m4"),
        (["--flash-models", "slow"], "there is no flash model 'slow'; allowed: zero-wait"),
        (["--sparsities", "1.0"], "a sparsity of 1 is out of range"),
        (["--processes", "0"], "0 processes cannot measure anything"),
        (["--sparsities", "0.5", "--cores", "cortex-m3"], "holds none of these combinations; add --all"),
    ],
)
def test_bad_input_says_what_is_allowed(arguments, message, capsys):
    assert main(["bench", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_the_page_is_what_its_file_says():
    content = read_content(DOCS / "bench" / "kernels.json")
    assert (DOCS / "bench.md").read_text() == bench_page(content)


def test_the_plots_are_what_their_file_says():
    content = read_content(DOCS / "bench" / "kernels.json")
    places = {(row.net, row.core) for row in content.rows}
    assert {path.name for path in (DOCS / "bench").glob("*.svg")} == {f"kernels-{n}-{c}.svg" for n, c in places}
    assert {row.kernel for row in content.rows} == set(ALL_KERNELS)


def test_a_peer_leaves_floating_point_errors_as_they_were():
    """Importing emlearn makes numpy raise for every underflow, which other code of the process does not expect."""
    code = (
        "import numpy as np; before = np.geterr()\n"
        "from ganglion.bench.emlearn_peer import emlearn_function; from ganglion.bench.nets import erk_net\n"
        "emlearn_function(erk_net((4, 8, 2), 0.5), 'emlearn.h.j2', ())\n"
        "import sys; assert 'emlearn' in sys.modules and np.geterr() == before, np.geterr()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
