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


def test_slow_flash_turns_the_choice_at_compile_too(actor_file, folder):
    options = ("--optimize", "cycles", "--no-mix")
    priced = {}
    for model in ("zero-wait", "generic-64bit-4ws"):
        code, path = compile_with(actor_file, folder, *options, "--flash-model", model)
        assert code == 0
        candidates = json.loads(path.read_text())["choice"]["candidates"]
        priced[model] = {price["kernel"]: price["cycles"] for price in candidates}
    fast, slow = priced.values()
    assert fast.keys() == slow.keys() and all(slow[kernel] > fast[kernel] for kernel in fast)


def test_an_export_takes_the_same_choice(actor_file, folder):
    folders = [folder / name for name in ("compiled", "exported")]
    options = ["--optimize", "flash", "--no-mix"]
    assert main(["compile", str(actor_file), "--out", str(folders[0]), *options]) == 0
    assert main(["export", "--actor", str(actor_file), "--as", "c", "--out", str(folders[1]), *options]) == 0
    compiled, exported = (json.loads((each / "plan.json").read_text()) for each in folders)
    assert exported["kernel"] == compiled["kernel"] == "stream" and exported["choice"] == compiled["choice"]


@pytest.mark.parametrize("command", [("compile",), ("export", "--as", "c", "--actor")])
def test_a_flash_model_without_a_choice_is_refused(command, actor_file, folder, capsys):
    options = ("--out", str(folder / "none"), "--flash-model", "stm32f405-art")
    assert main([*command, str(actor_file), *options]) == 2
    assert "let a kernel be chosen with --optimize" in capsys.readouterr().err


def test_the_host_has_no_price(actor_file, folder, capsys):
    assert main(["run", "--actor", str(actor_file), "--max-cycles", "5", "--build", str(folder / "build")]) == 2
    assert "are for boards" in capsys.readouterr().err
