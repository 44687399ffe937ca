"""The list of actors, and which files count as actors."""

import shutil

from ganglion.commands import zoo as command
from ganglion.main import main
from ganglion.selection import actor_files
from tests.support.actors import hopper_actor


def test_every_actor_is_listed_and_teachers_are_not(tmp_path, monkeypatch, capsys):
    path, actor = hopper_actor(tmp_path)
    zoo = tmp_path / "zoo"
    (zoo / "Hopper-v4").mkdir(parents=True)
    (zoo / "teachers").mkdir()
    shutil.copy(path, zoo / "Hopper-v4" / "sac-s0.98.safetensors")
    (zoo / "teachers" / "Hopper-v4.safetensors").write_bytes(b"a teacher is not read as an actor")
    monkeypatch.setattr(command, "zoo_folder", lambda: zoo)
    assert actor_files(zoo) == [zoo / "Hopper-v4" / "sac-s0.98.safetensors"]
    assert main(["zoo", "--markdown"]) == 0
    heading, rule, row = capsys.readouterr().out.splitlines()
    assert heading.count("|") == rule.count("|") == row.count("|")
    assert "Hopper-v4" in row and f"{actor.policy.nonzeros:,}" in row


def test_the_interval_is_two_standard_errors_wide_on_each_side():
    told = {"mean": 2676.184, "std": 595.155, "episodes": 30}  # 595.155 / sqrt(30) = 108.66
    assert command._interval(told) == "2,459 to 2,894"
    assert command._interval(told | {"episodes": 1}) == command._interval(None) == "not measured"
