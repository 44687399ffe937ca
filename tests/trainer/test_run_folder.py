"""Whose a folder is, and files that appear whole."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.trainer.run_folder import PROTOCOL, SETTINGS, FolderError, claim, owns, replace_text

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
