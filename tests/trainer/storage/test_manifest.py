"""A manifest finds any byte that is not as it was written, its own bytes included."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.trainer.storage.manifest import NAME, DamageError, verify, write_manifest

contents = st.dictionaries(st.sampled_from(["a", "b", "model.zip"]), st.binary(max_size=20), min_size=1)


def _written(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    write_manifest(folder)
    verify(folder)


@settings(max_examples=150, deadline=None)
@given(files=contents, choice=st.data())
def test_any_change_of_a_byte_is_found(tmp_path_factory, files, choice):
    folder = tmp_path_factory.mktemp("checkpoint")
    _written(folder, files)
    changed = folder / choice.draw(st.sampled_from([NAME, *(name for name in files if files[name])]))
    content = bytearray(changed.read_bytes())
    place = choice.draw(st.integers(0, len(content) - 1))
    content[place] ^= choice.draw(st.integers(1, 255))
    changed.write_bytes(content)
    with pytest.raises(DamageError, match=f"^{changed.name} (has not|is not as)"):
        verify(folder)


@settings(max_examples=50, deadline=None)
@given(files=contents, choice=st.data())
def test_any_cut_is_found(tmp_path_factory, files, choice):
    folder = tmp_path_factory.mktemp("checkpoint")
    _written(folder, files)
    cut = folder / choice.draw(st.sampled_from([NAME, *(name for name in files if files[name])]))
    os.truncate(cut, choice.draw(st.integers(0, cut.stat().st_size - 1)))
    with pytest.raises(DamageError, match=r"bytes, .* were written" if cut.name != NAME else "not as it was written"):
        verify(folder)


@pytest.mark.parametrize("name", ["a", NAME])
def test_what_is_missing_or_no_file_is_named(tmp_path, name):
    _written(tmp_path, {"a": b"1", "b": b"2"})
    (tmp_path / name).unlink()
    with pytest.raises(DamageError, match=f"^{name} is missing$"):
        verify(tmp_path)
    (tmp_path / name).mkdir()
    with pytest.raises(DamageError, match=f"^{name}: Is a directory$"):
        verify(tmp_path)


@pytest.mark.parametrize("text", ["[]\n", "1\n", "{}\n", '{"files": [1]}', '{"files": {"a": {}}}', "", "\0\0"])
def test_what_is_no_manifest_is_damage(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(DamageError, match="not as it was written"):
        verify(tmp_path)


def test_what_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    """A good checkpoint is not set aside for its permissions."""
    _written(tmp_path, {"a": b"1"})

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("ganglion.trainer.storage.manifest._seen", refuse)
    with pytest.raises(PermissionError):
        verify(tmp_path)


def test_files_that_came_later_do_not_count(tmp_path):
    _written(tmp_path, {"a": b"1"})
    (tmp_path / "notes.txt").write_text("mine")
    verify(tmp_path)
