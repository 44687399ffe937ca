"""Plans are written whole or not at all, and never over what is not theirs."""

import os
from pathlib import Path

import pytest

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.plan import MANIFEST, PlanError, read_files, write_plan
from tests.support.policies import random_policy


@pytest.fixture(scope="module")
def plan():
    return compile_policy(random_policy(), CompileOptions("hopper"))


@pytest.fixture(scope="module")
def other():
    return compile_policy(random_policy(1), CompileOptions("walker"))


def _tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_written_is_read(plan, tmp_path):
    write_plan(plan, tmp_path / "a" / "b")
    assert read_files(tmp_path / "a" / "b") == plan.files
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "b"]
    assert sorted(_tree(tmp_path / "a" / "b")) == ["hopper.h", MANIFEST, "policy.c"]


def test_an_earlier_plan_is_replaced_whole(plan, other, tmp_path):
    write_plan(plan, tmp_path / "out")
    write_plan(other, tmp_path / "out")
    assert read_files(tmp_path / "out") == other.files
    assert "hopper.h" not in _tree(tmp_path / "out")
    (tmp_path / "empty").mkdir()
    write_plan(plan, tmp_path / "empty")
    assert read_files(tmp_path / "empty") == plan.files


@pytest.mark.parametrize("with_plan", [False, True])
def test_foreign_files_are_never_replaced(plan, tmp_path, with_plan):
    folder = tmp_path / "out"
    folder.mkdir()
    if with_plan:
        write_plan(plan, folder)
    (folder / "thesis.tex").write_text("years of work")
    before = _tree(folder)
    with pytest.raises(PlanError, match=r"holds 'thesis.tex', which no compilation wrote"):
        write_plan(plan, folder)
    assert _tree(folder) == before


def test_a_file_or_a_link_in_the_way(plan, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("file", "link"):
        with pytest.raises(PlanError, match="is not a folder"):
            write_plan(plan, tmp_path / name)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
@pytest.mark.parametrize("step", range(5))
@pytest.mark.parametrize("earlier", [False, True])
def test_an_interruption_at_any_step_leaves_what_was_there(plan, other, tmp_path, monkeypatch, error, step, earlier):
    folder = tmp_path / "out"
    if earlier:
        write_plan(other, folder)
    before, calls = _tree(tmp_path), []

    def failing(function):
        def wrapped(*arguments):
            calls.append(function)
            if len(calls) == step + 1:
                raise error
            return function(*arguments)

        return wrapped

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", failing(Path.write_bytes))
        patch.setattr(os, "rename", failing(os.rename))
        if step < 3 + 1 + earlier:
            with pytest.raises(type(error)):
                write_plan(plan, folder)
            assert _tree(tmp_path) == before
        else:
            write_plan(plan, folder)
            assert read_files(folder) == plan.files
    assert [p.name for p in tmp_path.iterdir()] in (["out"], [])


def test_changed_and_missing_files_are_told(plan, tmp_path):
    folder = tmp_path / "out"
    write_plan(plan, folder)
    (folder / "policy.c").write_text("int x;\n")
    with pytest.raises(PlanError, match="changed after it was compiled"):
        read_files(folder)
    with pytest.raises(PlanError, match=r"changed after it was compiled; .* deleting this one"):
        write_plan(plan, folder)
    (folder / "policy.c").unlink()
    with pytest.raises(PlanError, match="not the folder of a compiled policy"):
        read_files(folder)
    with pytest.raises(PlanError, match="not the folder of a compiled policy"):
        read_files(tmp_path / "nowhere")
