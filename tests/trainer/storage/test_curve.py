"""The learning curve: read as far as it is whole, written whole."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.trainer.storage.curve import Curve, last_return, read_curve
from ganglion.trainer.storage.disk import DiskError

ROWS = [{"step": step, "nonzeros": 9, "returns": [float(step), 1.5]} for step in (50, 100, 150)]
TEXT = "".join(json.dumps(row) + "\n" for row in ROWS)


@settings(deadline=None)
@given(st.integers(0, len(TEXT)))
def test_a_curve_cut_anywhere_keeps_its_whole_lines(tmp_path_factory, length):
    folder = tmp_path_factory.mktemp("run")
    (folder / "curve.jsonl").write_text(TEXT[:length])
    rows, lost = read_curve(folder)
    whole = TEXT[: length + 1].count("\n")  # a line that lacks nothing but its end is whole
    assert rows == ROWS[:whole]
    assert lost == (0 if TEXT[:length] in ("", *_ends()) else 1)
    curve = Curve(folder)
    curve.add(ROWS[2])
    assert read_curve(folder) == ([*ROWS[:whole], ROWS[2]], 0)


def _ends():
    """The text up to each line's end, with and without that end."""
    lines = TEXT.splitlines(True)
    texts = ["".join(lines[:count]) for count in range(1, len(lines) + 1)]
    return [*texts, *(text[:-1] for text in texts)]


@pytest.mark.parametrize(
    "line",
    ["", "{", "\0\0", "[1]", "3", '{"step": "50", "returns": [1]}', '{"step": 5}', '{"step": 5, "returns": []}',
     '{"step": 5, "returns": ["a"]}', '{"step": 5, "returns": 3}', "[" * 100_000, "\udcff"],
)  # fmt: skip
def test_lines_that_are_no_rows_are_left_out_and_counted(tmp_path, line):
    (tmp_path / "curve.jsonl").write_bytes((TEXT + line).encode(errors="surrogateescape") + b"\n" + TEXT.encode())
    assert read_curve(tmp_path) == (ROWS * 2, 1)
    assert last_return(tmp_path) == 75.75


def test_steps_that_are_run_again_are_forgotten_on_disk(tmp_path):
    (tmp_path / "curve.jsonl").write_text(TEXT + TEXT[:9])
    curve = Curve(tmp_path)
    assert curve.lost == 1
    curve.forget_after(100)
    assert (tmp_path / "curve.jsonl").read_text() == "".join(json.dumps(row) + "\n" for row in ROWS[:2])


def test_a_row_that_found_the_disk_full_is_written_with_the_next(tmp_path, full_disk):
    curve = Curve(tmp_path)
    curve.add(ROWS[0])
    with full_disk(), pytest.raises(DiskError, match=r"curve\.jsonl could not be written \(.*\); free space, then"):
        curve.add(ROWS[1])
    assert read_curve(tmp_path) == (ROWS[:1], 0) and len(list(tmp_path.iterdir())) == 1
    curve.add(ROWS[2])
    assert read_curve(tmp_path) == (ROWS, 0)


def test_no_curve_yet(tmp_path):
    assert read_curve(tmp_path) == ([], 0) and last_return(tmp_path) is None
    Curve(tmp_path).forget_after(0)
    assert not list(tmp_path.iterdir())
