"""The Makefile is thin, and every `make x` that the documentation names exists."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ganglion.commands import COMMANDS

ROOT = Path(__file__).parents[2]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PAGES = ["README.md", "zoo/README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments, env=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, env=environment | (env or {})
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_make_that_is_documented_exists(page):
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)(?=[\s`])", _code(ROOT / page)))
    assert named <= TARGETS


def _code(page: Path) -> str:
    text = page.read_text()
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


def test_recipes_are_thin():
    rules = re.findall(r"^([a-z][a-z-]*):[^\n]*\n((?:\t[^\n]*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {name for name, _ in rules} == TARGETS
    for name, recipe in rules:
        assert recipe.count("\n") <= 3, name


def test_targets_call_commands_that_exist():
    called = set(re.findall(r"\$\(GANGLION\) ([a-z-]+)", (ROOT / "Makefile").read_text()))
    assert called and called <= COMMANDS.keys()


def test_variables_become_options():
    text = make("firmware", "ENV=Hopper", "SPARSITY=0.99", "BOARD=b", "TARGET=t", "DEVICE=qemu", "EPISODES=3").stdout
    assert "firmware --env 'Hopper' --sparsity '0.99'" in text
    for option in ("--board 'b'", "--target 't'", "--device 'qemu'", "--episodes '3'"):
        assert option in text


@pytest.mark.parametrize("target", ["firmware", "hil", "flash"])
def test_guards_are_variables_of_every_image(target):
    text = make(
        target, "ENV=Hopper", "WATCHDOG_MS=0", "SAFE_TIMEOUT_MS=9", "SAFE_WHEN_NOT_FINITE=1", "SAFE_ACTION=1 -2"
    )
    options = " ".join(text.stdout.split())
    assert "--watchdog-ms '0' --safe-timeout-ms '9' --safe-when-not-finite --safe-action '1' '-2'" in options


def test_lists_become_several_values():
    text = _options("sweep", "ENV=Pendulum", "SPARSITIES=0.5 0.9", "SEEDS=0 1", "ALGO=sac")
    assert text.endswith("sweep --env 'Pendulum' --sparsities '0.5' '0.9' --seeds '0' '1' --algo 'sac'")


HOW = (
    "PRESET=fast", "STEPS=9", "GAMMA=0.9999", "ALLOCATION=erk", "PATTERN=pairs", "POWERS_OF_TWO=1", "WEIGHT_BITS=4",
    "PER_LAYER=1", "ACTIVATION_BITS=16", "OBSERVATION_BITS=16", "SET=tau=0.1 widths=8,8",
)  # fmt: skip
HOW_OPTIONS = (
    "--preset 'fast' --steps '9' --gamma '0.9999' --allocation 'erk' --pattern 'pairs' --powers-of-two "
    "--weight-bits '4' --per-layer --activation-bits '16' --observation-bits '16' --set 'tau=0.1' 'widths=8,8'"
)


def _options(*arguments):
    return " ".join(make(*arguments).stdout.replace("\\\n", " ").split())


def test_how_actors_are_trained_is_variables_of_training_and_of_sweeps():
    text = _options("train", "ENV=Swimmer", "SPARSITY=0.9", "SEED=1", *HOW, "FOLDER=my runs")
    assert text.endswith(f"train --env 'Swimmer' --sparsity '0.9' --seed '1' {HOW_OPTIONS} --folder 'my runs'")
    where = ("SHARE_DENSE=1", "WORKERS=3", "RAY=1", "DRAW=1", "FOLDER=my runs")
    text = _options("sweep", "ENV=Hopper Walker2d", *HOW, *where)
    more = "--share-dense --workers '3' --ray --draw --out 'my runs'"
    assert text.endswith(f"sweep --env 'Hopper' 'Walker2d' {HOW_OPTIONS} {more}")


def test_a_sweep_needs_an_environment():
    assert "say which environment" in make("sweep").stderr


def _taken():
    """By target, the variables that it takes."""
    text = make("-p", "help").stdout
    return {target: set(names.split()) for target, names in re.findall(r"^takes_([a-z]+) := (.*)$", text, re.MULTILINE)}


def _used(text, definitions):
    """Variables that `text` reads, itself or through what it calls."""
    names = set(re.findall(r"\$\(([A-Z_]{2,})\)", text)) - {"VENV", "BIN", "PIP", "GANGLION", "PYTHON"}
    called = [definitions[name] for name in re.findall(r"\$\(([a-z_]+)\)", text) if name in definitions]
    return names.union(*(_used(definition, definitions) for definition in called))


def test_a_target_takes_what_its_recipe_reads():
    text = (ROOT / "Makefile").read_text()
    definitions = dict(re.findall(r"^([a-z]+|zoo_actor) = ((?:.*\\\n)*.*)", text, re.MULTILINE))
    rules = re.findall(r"^([a-z][a-z-]*):(.*)\n((?:\t(?:.*\\\n)*.*\n)*)", text, re.MULTILINE)
    reads = {name: _used(before.split("##")[0] + recipe, definitions) for name, before, recipe in rules}
    assert {name: names for name, names in reads.items() if names} == _taken()


@pytest.mark.parametrize(
    "page", ["README.md", "zoo/README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_every_variable_that_is_documented_is_taken(page):
    taken = _taken()
    for target, given in re.findall(
        r"\bmake ([a-z][a-z-]*)((?: \[?[A-Z_]+=(?:\"[^\"]*\"|[^ \n`]*))+)", _code(ROOT / page)
    ):
        assert set(re.findall(r"\b([A-Z_]+)=", given)) <= taken[target], (target, given)


def test_no_variable_reaches_what_the_recipes_start():
    """They are make's: a tool that reads a variable of that name must not meet them."""
    text = make("-p", "help").stdout
    unexported = re.search(r"^arguments := (.*)$", text, re.MULTILINE)[1].split()
    assert "\nunexport $(arguments)\n" in (ROOT / "Makefile").read_text()
    assert len(set(unexported)) > 50 and set().union(*_taken().values()) == set(unexported)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (
            ("firmware", "ENV=Hopper", "SPARSTY=0.99"),
            "make firmware does not take SPARSTY; it takes ACTOR ALGORITHM BOARD",
        ),
        (("sweep", "ENV=Hopper", "SPARSITY=0.98"), "make sweep does not take SPARSITY; it takes ACTIVATION_BITS"),
        (("test", "ENV=Hopper"), "make test does not take ENV; it takes no variables"),
    ],
)
def test_a_variable_that_the_target_does_not_read_is_refused(command, told):
    """It would leave the default in its place without a word."""
    refused = make(*command)
    assert refused.returncode == 2 and told in refused.stderr
    assert make("firmware", "ENV=Hopper", env={"SPARSTY": "0.99"}).returncode == 0


@pytest.mark.parametrize(("value", "on"), [("1", True), ("yes", True), ("0", False), ("no", False), ("", False)])
def test_switches_are_switched_off_by_zero(value, on):
    assert ("--draw" in _options("sweep", "ENV=Pendulum", f"DRAW={value}")) == on


def test_games_bring_their_emulator():
    assert "'.[atari]'" in make("train", "ENV=Pong", "VENV=not-set-up").stdout
    assert "'.[atari]'" not in make("train", "ENV=Hopper", "VENV=not-set-up").stdout


def test_goal_and_limits_of_a_choice_become_options():
    text = make("firmware", "ENV=Hopper", "OPTIMIZE=cycles", "MAX_CYCLES=1", "MAX_FLASH=2", "MAX_RAM=3").stdout
    assert "--optimize 'cycles' --max-cycles '1' --max-flash '2' --max-ram '3'" in text


@pytest.mark.parametrize("command", [("bitstream",), ("hil", "DEVICE=rtl")])
def test_logic_takes_its_design_and_clock(command):
    text = make(*command, "ENV=Hopper", "LANES=4", "DESIGN=sequential", "CLOCK=48", "ADDERS=2").stdout
    assert "--lanes '4' --design 'sequential' --clock-mhz '48' --adders-per-stage '2'" in " ".join(text.split())


def test_an_actor_file_takes_the_place_of_the_environment():
    command = make("hil", "ACTOR=my actor.safetensors", "DEVICE=native").stdout.splitlines()[-1]
    assert "--actor 'my actor.safetensors'" in command and "--env" not in command


def test_a_teacher_file_may_need_an_environment():
    text = make("limit", "TEACHER=m.zip", "NORMALISER=n.pkl", "ENV=Swimmer", "MAX_CYCLES=250").stdout
    expected = "limit --teacher 'm.zip' --env 'Swimmer' --normaliser 'n.pkl' --max-cycles '250'"
    assert " ".join(text.split()).endswith(expected)
    how = ("POLISH=600000", "POLISH_DEVIATION=0.1", "MINUTES=90", "SEEDS=1", "UPDATES=900", "START=0.01")
    longer = " ".join(make("limit", "ENV=Hopper", *how).stdout.split())
    assert "--polish '600000' --polish-deviation '0.1' --minutes '90'" in longer
    assert longer.endswith("--start '0.01' --updates '900' --seeds '1'")
    harden = " ".join(make("harden", "ENV=Walker2d", "DEVIATION=0.3", "STEPS=900", "SEED=1").stdout.split())
    assert harden.endswith("harden --env 'Walker2d' --deviation '0.3' --steps '900' --seed '1'")
    how = ("SEEDS=3", "UPDATES=900", "ROUND_STEPS=800", "POLISH=500000")
    distil = " ".join(make("distil", "ENV=Hopper", *how).stdout.replace("\\\n", " ").split())
    assert "distil --env 'Hopper' --seeds '3'" in distil
    assert distil.endswith("--updates '900' --round-steps '800' --polish '500000'")


def test_values_are_quoted():
    command = make("firmware", "ENV=a'b; echo c").stdout.splitlines()[-1]
    arguments = subprocess.run(
        ["sh", "-c", f'set -- {command.split("-m ganglion ")[1]}; printf "%s\\n" "$@"'], capture_output=True, text=True
    ).stdout.splitlines()
    assert arguments == ["firmware", "--env", "a'b; echo c"]


@pytest.mark.parametrize("leaked", ["/etc/shrc", "~/.shinit", "$HOME/.shrc"])
def test_a_shells_start_up_file_is_no_environment(leaked):
    result = make("firmware", env={"ENV": leaked})
    assert result.returncode != 0
    assert "say which environment" in result.stderr


def test_an_environment_may_come_from_the_environment():
    assert "--env 'Hopper'" in make("firmware", env={"ENV": "Hopper"}).stdout


def test_flash_takes_port_probe_and_way():
    text = make("flash", "ENV=Hopper", "BOARD=b", "PORT=/dev/ttyACM0", "PROBE=A1", "WITH=openocd").stdout
    for option in ("--board 'b'", "--port '/dev/ttyACM0'", "--probe 'A1'", "--with 'openocd'"):
        assert option in text


def test_an_export_says_for_what():
    assert "export --env 'Hopper'   --as 'cmake'" in make("export", "ENV=Hopper", "AS=cmake").stdout
    result = make("export", "ENV=Hopper")
    assert result.returncode != 0
    assert "say for what" in result.stderr
