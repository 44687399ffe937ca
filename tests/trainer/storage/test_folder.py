"""Whose a folder is, and files that appear whole."""

import errno
import io
import re
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.trainer.storage.disk import DiskError, say
from ganglion.trainer.storage.folder import PROTOCOL, SETTINGS, FolderError, claim, owns, remove_partial, replace_text

RUN = {"teacher": "65ab", "goal": {"keep": 0.98, "units": ("cycles", "bytes")}}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=5,
)
runs = st.dictionaries(st.text("abc", min_size=1, max_size=2), values, max_size=3)


@given(runs, runs)
def test_a_folder_is_its_first_run_s(tmp_path_factory, run, other):
    folder = tmp_path_factory.mktemp("runs") / "made"
    claim(folder, run)
    claim(folder, run)
    assert owns(folder, run) and not owns(folder, run, SETTINGS)
    if not owns(folder, other):
        with pytest.raises(FolderError):
            claim(folder, other)
        assert owns(folder, run)


def test_the_message_names_what_differs(tmp_path):
    claim(tmp_path, RUN)
    other = {"teacher": "65ab", "goal": {"keep": 0.9, "units": ("cycles", "bytes")}, "base": 1}
    with pytest.raises(FolderError, match=re.escape(f"{tmp_path} holds a run that differs in: goal.keep, base;")):
        claim(tmp_path, other)


@pytest.mark.parametrize("text", ["{", "[1, 2]", ""])
def test_a_claim_that_cannot_be_read_is_told_as_such(tmp_path, text):
    (tmp_path / PROTOCOL).write_text(text)
    with pytest.raises(FolderError, match=r"protocol\.json, which cannot be read"):
        claim(tmp_path, RUN)


def test_text_is_replaced_whole(tmp_path):
    path = tmp_path / "curve.jsonl"
    replace_text(path, "one\n")
    replace_text(path, "two\n")
    assert path.read_text() == "two\n" and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_text_and_nothing_else(tmp_path, full_disk):
    path = tmp_path / "result.json"
    replace_text(path, "one\n")
    with full_disk(2), pytest.raises(DiskError, match=r"result\.json could not be written \(File too large\); free"):
        replace_text(path, "two\n")
    assert path.read_text() == "one\n" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_claimed_is_so_on_a_full_disk_too(tmp_path, full_disk):
    """So that a run can be started that only tells its result."""
    claim(tmp_path, RUN)
    with full_disk():
        claim(tmp_path, RUN)
        with pytest.raises(DiskError, match=r"protocol\.json could not be written"):
            claim(tmp_path / "new", RUN)
    with pytest.raises(DiskError, match=r"below could not be written \(Not a directory\); see to it that it can be"):
        claim(tmp_path / PROTOCOL / "below", RUN)


def test_what_a_killed_run_had_begun_to_write_is_removed(tmp_path):
    (tmp_path / ".partial-step-000000010").mkdir()
    for name in (".partial-step-000000010/model.zip", ".curve.jsonl.partial", "curve.jsonl", ".mine"):
        (tmp_path / name).write_text("half")
    remove_partial(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"curve.jsonl", ".mine"}


@pytest.mark.parametrize(("number", "raised"), [(errno.ENOSPC, False), (errno.EDQUOT, False), (errno.EPIPE, True)])
def test_what_is_said_to_a_full_disk_is_lost(monkeypatch, number, raised):
    """A reader that has gone is another matter."""

    class Output(io.StringIO):
        def write(self, text):
            raise OSError(number, "refused")

    monkeypatch.setattr("sys.stdout", Output())
    with pytest.raises(OSError, match="refused") if raised else nullcontext():
        say("something")
