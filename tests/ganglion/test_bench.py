"""The benchmark: rows that are checked, a front, a baseline that shows what moved."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ganglion.bench.baseline import baseline_text, changes, read_baseline
from ganglion.bench.nets import erk_net
from ganglion.bench.peers import PEERS, peer_function
from ganglion.bench.plot import pareto_front, plot_svg
from ganglion.bench.suite import BenchError, KernelRow, Selection, _compare, measure_kernels
from ganglion.main import main


def _row(kernel: str, cycles: int, flash_bytes: int, **changed) -> KernelRow:
    row = KernelRow("1-2-3", 0.5, 8, kernel, "cortex-m4", 10, cycles, 1.0, 5, flash_bytes, 64, 0.1)
    return replace(row, **changed)


@pytest.fixture(scope="module")
def rows() -> list[KernelRow]:
    """A small net with every peer and one kernel."""
    return list(measure_kernels(Selection(((5, 16, 3),), (0.5,), ("rows", *PEERS), ("cortex-m4",))))


def test_every_row_is_there_and_counted(rows):
    assert [row.kernel for row in rows] == ["rows", *PEERS]
    assert all(row.net == "5-16-3" and row.nnz_effective == rows[0].nnz_effective > 0 for row in rows)
    assert all(0 < row.instructions <= row.cycles and row.ram_bytes > 0 for row in rows)
    assert rows[1].policy_flash_bytes > 4 * rows[1].nnz_effective and rows[1].weight_bits == 32


def test_counts_do_not_depend_on_the_run(rows):
    again = measure_kernels(Selection(((5, 16, 3),), (0.5,), ("rows",), ("cortex-m4",)))
    assert replace(next(again), compile_s=0) == replace(rows[0], compile_s=0)


def test_what_a_core_cannot_do_is_no_row():
    selection = Selection(((5, 16, 3),), (0.5,), ("straight", "float32-c", "csr-textbook"), ("cortex-m0plus",))
    assert [row.kernel for row in measure_kernels(selection)] == ["csr-textbook"]


def test_a_wrong_result_is_an_error(rows):
    policy = erk_net((5, 16, 3), 0.5)
    assert "weights1" in peer_function(PEERS["int8-dense-c"], policy).header
    with pytest.raises(BenchError, match=r"rows on cortex-m4: gives \[1\], the oracle \[2\]"):
        _compare("rows", "cortex-m4", np.array([1]), np.array([2]))


def test_the_front_holds_what_nothing_beats():
    rows = [_row("small", 90, 10), _row("beaten", 95, 20), _row("fast", 10, 40), _row("both", 80, 10)]
    assert [row.kernel for row in pareto_front(rows)] == ["both", "fast"]


def test_the_plot_is_the_same_for_the_same_counts(rows):
    text = plot_svg(rows, "cortex-m4")
    assert text == plot_svg(rows, "cortex-m4")
    assert all(row.kernel in text for row in rows)


def test_a_baseline_shows_one_percent_and_keeps_other_rows(tmp_path):
    path = tmp_path / "kernels.json"
    assert read_baseline(path) == {}
    path.write_text(baseline_text([_row("a", 1000, 100), _row("b", 500, 100)], {}))
    assert changes([_row("a", 1009, 100)], read_baseline(path)) == []
    worse, better = changes([_row("a", 1010, 99)], read_baseline(path))
    assert (worse.field, worse.worse, better.field, better.worse) == ("cycles", True, "policy_flash_bytes", False)
    path.write_text(baseline_text([_row("a", 900, 100)], read_baseline(path)))
    assert sorted(read_baseline(path)) == ["1-2-3 0.5 a cortex-m4", "1-2-3 0.5 b cortex-m4"]


def test_the_command_writes_rows_and_plot_and_fails_on_a_regression(tmp_path, capsys):
    baseline = tmp_path / "baseline.json"
    arguments = [
        "bench", "--nets", "11-256-256-3", "--sparsities", "0.99", "--kernels", "rows", "--cores", "cortex-m4",
        "--out", str(tmp_path), "--baseline", str(baseline),
    ]  # fmt: skip
    assert main([*arguments, "--update-baseline"]) == 0
    content = json.loads((tmp_path / "kernels.json").read_text())
    assert content["suite"] == "kernels" and content["rows"][0]["net"] == "11-256-256-3"
    assert (tmp_path / "kernels-cortex-m4.svg").read_text().lstrip().startswith("<?xml")
    counts = json.loads(baseline.read_text())
    counts["rows"]["11-256-256-3 0.99 rows cortex-m4"]["cycles"] -= 100
    baseline.write_text(json.dumps(counts))
    assert main(arguments) == 1
    assert "cycles" in capsys.readouterr().out


def test_unknown_names_say_what_is_allowed(capsys):
    assert main(["bench", "--cores", "cortex-m99"]) == 2
    assert "allowed: cortex-m0plus, cortex-m3, cortex-m4" in capsys.readouterr().err
