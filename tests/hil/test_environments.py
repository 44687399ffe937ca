import sys
import warnings

import gymnasium
import pytest

from ganglion.hil.environments import UnknownEnvironmentError, file_name, make_env, open_quietly, resolve_env_id
from tests.support.actors import hopper_policy


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module in the working folder that registers OwnReacher-v0 and -v1; called with its name, it is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    registering = "gymnasium.register({!r}, 'gymnasium.envs.classic_control:PendulumEnv')\n"
    lines = [registering.format(f"OwnReacher-v{version}") for version in (0, 1)]
    (tmp_path / "own_reacher.py").write_text("import gymnasium\n" + "".join(lines))

    def forget(name="own_reacher"):
        sys.modules.pop(name, None)
        for version in (0, 1):
            gymnasium.registry.pop(f"OwnReacher-v{version}", None)

    yield forget
    forget()


@pytest.mark.parametrize(
    ("name", "env_id"), [("Hopper", "Hopper-v4"), ("Hopper-v5", "Hopper-v5"), ("CartPole", "CartPole-v1")]
)
def test_a_bare_name_means_v4_else_the_newest(name, env_id):
    assert resolve_env_id(name) == env_id


def test_ids_of_the_zoo_count_too():
    assert resolve_env_id("Pendant", known=["Pendant-v2"]) == "Pendant-v2"


def test_what_is_only_a_little_alike_is_not_suggested(monkeypatch):
    monkeypatch.setattr("gymnasium.registry", {"Hopper-v4": None})
    with pytest.raises(UnknownEnvironmentError, match="'Nope'; give a gymnasium id"):
        resolve_env_id("Nope")


@pytest.mark.parametrize(
    ("name", "nearest"), [("Hoper", "Hopper?"), ("hopper", "Hopper?"), ("HalfCheeta-v4", "HalfCheetah-v4?")]
)
def test_the_nearest_name_is_suggested(name, nearest):
    with pytest.raises(UnknownEnvironmentError, match="did you mean " + nearest.replace("?", r"\?")):
        resolve_env_id(name)


def test_nothing_near_gets_an_example():
    with pytest.raises(UnknownEnvironmentError, match="such as Hopper-v4"):
        resolve_env_id("zzzzqqq")


def test_an_environment_is_made_quietly(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_env("Hopper-v4", hopper_policy()).close()
    assert capfd.readouterr() == ("", "")


def test_an_environment_that_cannot_be_made_is_a_clear_error():
    with pytest.raises(UnknownEnvironmentError, match="cannot be made"):
        make_env("Hopper-v3", hopper_policy())


def test_a_module_of_ones_own_registers_its_environments(own_module):
    """As gymnasium has it: the module is found in the working folder."""
    for name in ("own_reacher:OwnReacher", "own_reacher:OwnReacher-v1"):
        assert resolve_env_id(name) == "own_reacher:OwnReacher-v1"
    own_module("own_reacher")
    open_quietly("own_reacher:OwnReacher-v1").close()
    with pytest.raises(UnknownEnvironmentError, match=r"did you mean own_reacher:OwnReacher"):
        resolve_env_id("own_reacher:OwnReacer")


def test_a_module_that_cannot_be_imported_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    (tmp_path / "own_broken.py").write_text("1 / 0\n")
    for name, told in (
        ("own_broken", "ZeroDivisionError: division"),
        ("own_missing", "No module named"),
        ("", "Empty module"),
    ):
        for refuse in (resolve_env_id, open_quietly):
            with pytest.raises(UnknownEnvironmentError, match=f"module '{name}', .* cannot be imported: .*{told}"):
                refuse(f"{name}:OwnReacher-v0")


@pytest.mark.parametrize(
    ("env_id", "name"),
    [("Hopper-v4", "Hopper-v4"), ("ALE/Pong-v5", "ALE-Pong-v5"), ("mine:Cart-v0", "mine-Cart-v0")],
)
def test_an_id_becomes_a_name_of_files(env_id, name):
    assert file_name(env_id) == name
