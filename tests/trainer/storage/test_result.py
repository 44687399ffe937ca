"""Results: whole, of the run that was asked for, and with the policy that they tell of."""

import json
from dataclasses import replace

import pytest

from ganglion.trainer.storage.folder import FolderError
from ganglion.trainer.storage.result import Result, ResultError, file_digest, read_result, write_result
from tests.trainer.beats import SAC, STROKES

RESULT = Result("sac", STROKES, 0, 0.7, True, 300, 9, [1.0, 3.0], None, None, False, "actor.safetensors")


@pytest.fixture
def folder(tmp_path):
    """Of a finished run."""
    policy = tmp_path / RESULT.file
    policy.write_bytes(b"policy")
    write_result(tmp_path, replace(RESULT, sha256=file_digest(policy)))
    return tmp_path


def _change(folder, **values):
    path = folder / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_result_comes_back(folder):
    assert read_result(folder / "elsewhere") is None
    assert read_result(folder) == read_result(folder, SAC) != RESULT
    assert read_result(folder).mean == 2.0
    text = json.loads((folder / "result.json").read_text())
    del text["sha256"]  # as earlier versions wrote it
    (folder / "result.json").write_text(json.dumps(text))
    assert read_result(folder, SAC) == RESULT


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b"\xff\x00", b"[" * 100_000, b'{"seed": 0}'])
def test_a_damaged_one_is_told_as_such(folder, content):
    (folder / "result.json").write_bytes(content)
    with pytest.raises(ResultError, match=r"result\.json is damaged"):
        read_result(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"returns": []}, {"returns": [float("nan")]}, {"returns": [10**400]}, {"returns": ["1"]}, {"returns": None},
        {"seed": 0.5}, {"steps": True}, {"sparsity": "0.7"}, {"quantised": 1}, {"best": []}, {"algorithm": None},
        {"file": None}, {"file": ""}, {"file": "../actor.safetensors"}, {"sha256": 3},
    ],
)  # fmt: skip
def test_values_that_no_run_has_are_damage_and_named(folder, values):
    _change(folder, **values)
    with pytest.raises(ResultError, match=rf"is damaged \({next(iter(values))}: missing, or no such value can be\)"):
        read_result(folder)


def test_without_its_policy_it_does_not_count(folder):
    (folder / RESULT.file).write_bytes(b"polity")
    with pytest.raises(ResultError, match=r"actor\.safetensors has not the bytes that were written"):
        read_result(folder)
    (folder / RESULT.file).unlink()
    with pytest.raises(ResultError, match=r"actor\.safetensors is missing"):
        read_result(folder)


@pytest.mark.parametrize(
    "values", [{"seed": 1}, {"sparsity": 0.9}, {"quantised": False}, {"env_id": "Ant-v4"}, {"algorithm": "dqn"}]
)
def test_one_of_another_run_is_named(folder, values):
    _change(folder, **values)
    assert read_result(folder)
    (name,) = values
    with pytest.raises(FolderError, match=rf"result\.json is the result of another run, it differs in: {name};"):
        read_result(folder, SAC)
