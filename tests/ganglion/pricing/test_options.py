"""--optimize and the limits at the command line."""

from __future__ import annotations

import json

import pytest

from ganglion.main import main
from ganglion.pricing import cache
from tests.support.actors import hopper_actor


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("options")


@pytest.fixture(autouse=True)
def own_cache(folder, monkeypatch):
    """One cache for the module: each kernel is priced once."""
    monkeypatch.setattr(cache, "cache_folder", lambda: folder / "prices")


@pytest.fixture(scope="module")
def actor_file(folder):
    return hopper_actor(folder)[0]


def compile_with(actor_file, folder, *options):
    arguments = ["compile", str(actor_file), "--out", str(folder / "code"), *options]
    return main(arguments), folder / "code" / "plan.json"


@pytest.mark.parametrize(("goal", "kernel"), [("cycles", "lanes"), ("flash", "stream")])
def test_a_goal_chooses_prints_and_writes_down(goal, kernel, actor_file, folder, capsys):
    code, path = compile_with(actor_file, folder, "--optimize", goal)
    plan, text = json.loads(path.read_text()), capsys.readouterr().out
    assert code == 0 and plan["kernel"] == kernel
    assert {price["kernel"] for price in plan["choice"]["candidates"]} >= {"csr", "rows", "stream", "straight", "lanes"}
    assert plan["choice"]["reason"] in " ".join(text.split())


def test_without_a_goal_nothing_is_priced(actor_file, folder, monkeypatch):
    monkeypatch.setattr("ganglion.kernel_choice.price_kernels", lambda *_: pytest.fail("priced"))
    _, path = compile_with(actor_file, folder)
    plan = json.loads(path.read_text())
    assert plan["kernel"] == "csr" and "choice" not in plan


def test_a_kernel_is_forced_whatever_the_goal(actor_file, folder):
    _, path = compile_with(actor_file, folder, "--kernel", "rows", "--optimize", "flash")
    assert json.loads(path.read_text())["kernel"] == "rows"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--max-flash", "100"), "nothing keeps --max-flash 100; the nearest is stream ("),
        (("--max-cycles", "1", "--optimize", "flash"), "the nearest is lanes ("),
        (("--kernel", "csr", "--max-flash", "100"), "csr ("),
        (("--max-ram", "0"), "--max-ram 0: at least 1 bytes of RAM is needed"),
        (("--target", "cortex-m44", "--optimize", "flash"), "did you mean cortex-m4"),
    ],
)
def test_what_cannot_be_kept_is_one_clear_line(options, message, actor_file, folder, capsys):
    code, _ = compile_with(actor_file, folder, *options)
    error = capsys.readouterr().err
    assert code == 2 and message in error and error.count("\n") == 1


def test_the_host_has_no_price(actor_file, folder, capsys):
    assert main(["run", "--actor", str(actor_file), "--max-cycles", "5", "--build", str(folder / "build")]) == 2
    assert "are for boards" in capsys.readouterr().err
