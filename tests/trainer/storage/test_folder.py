"""Whose a folder is, and files that appear whole."""

import errno
import io
import re
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.trainer.storage.disk import DiskError, say, writing
from ganglion.trainer.storage.folder import (
    FolderError,
    check_place,
    check_writable,
    claim,
    owns,
    remove_partial,
    replace_text,
)
from ganglion.trainer.storage.names import PROTOCOL, SETTINGS

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


@pytest.mark.parametrize("content", [b"{", b"[1, 2]", b"", b"\xff\x00", b"[" * 100_000])
def test_a_claim_that_cannot_be_read_is_told_as_such(tmp_path, content):
    (tmp_path / PROTOCOL).write_bytes(content)
    with pytest.raises(FolderError, match=r"protocol\.json, which cannot be read"):
        claim(tmp_path, RUN)


def test_a_claim_is_its_values_however_they_are_laid_out(tmp_path):
    claim(tmp_path, RUN)
    path = tmp_path / PROTOCOL
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    claim(tmp_path, RUN)
    assert b"\r\n" in path.read_bytes()


def test_a_folder_with_other_files_is_no_run_s(tmp_path):
    """What a sweep's worker, a lock and a claim that was killed leave does not count."""
    for name in ("log.txt", ".lock", ".protocol.json.partial"):
        (tmp_path / name).write_text("")
    check_place(tmp_path / "new", RUN)
    check_place(tmp_path, RUN)
    for name in ("thesis.pdf", "best-cv.pdf", "step-by-step", "notes"):
        (tmp_path / name).mkdir()
    message = rf"{tmp_path} holds best-cv\.pdf, notes, step-by-step and 1 more and is no run's .* an empty one"
    with pytest.raises(FolderError, match=message):
        check_place(tmp_path, RUN)
    claim(tmp_path, RUN)
    check_place(tmp_path, RUN)


@pytest.mark.parametrize("name", ["result.json", "curve.jsonl", "step", "best-model.zip", "actor.safetensors"])
def test_a_folder_in_the_place_of_a_file_is_told_before_anything_starts(tmp_path, name):
    claim(tmp_path, RUN)
    (tmp_path / name).mkdir()
    with pytest.raises(FolderError, match=rf"{name} is a folder, but the run writes a file of this name; move it away"):
        check_place(tmp_path, RUN)


def test_a_place_that_is_a_file_or_closed_is_told(tmp_path, monkeypatch):
    check_writable(tmp_path / "new" / "below")
    file = tmp_path / "file"
    file.write_text("")
    for check in (lambda: check_place(file, RUN), lambda: claim(file, RUN), lambda: check_writable(file / "below")):
        with pytest.raises(FolderError, match=rf"{file} is a file, not a folder; choose another"):
            check()
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(FolderError, match=rf"{tmp_path} cannot be written; see to it that it can be, or choose"):
        check_writable(tmp_path / "new")


def test_a_disk_that_takes_nothing_from_this_user_is_not_gone_on_with(tmp_path):
    with pytest.raises(DiskError) as raised, writing(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")
    assert str(raised.value) == (
        f"{tmp_path} could not be written (Permission denied); see to it that it can be written, or choose another "
        "folder"
    )


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
    for name in (".partial-thesis", ".partial-step-by-step"):
        (tmp_path / name).mkdir()
    for name in (".partial-step-000000010/model.zip", ".curve.jsonl.partial", "curve.jsonl", ".mine", ".notes.partial"):
        (tmp_path / name).write_text("half")
    remove_partial(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "curve.jsonl", ".mine", ".notes.partial", ".partial-thesis", ".partial-step-by-step"
    }  # fmt: skip


@pytest.mark.parametrize(("number", "raised"), [(errno.ENOSPC, False), (errno.EDQUOT, False), (errno.EPIPE, True)])
def test_what_is_said_to_a_full_disk_is_lost(monkeypatch, number, raised):
    """A reader that has gone is another matter."""

    class Output(io.StringIO):
        def write(self, text):
            raise OSError(number, "refused")

    monkeypatch.setattr("sys.stdout", Output())
    with pytest.raises(OSError, match="refused") if raised else nullcontext():
        say("something")
