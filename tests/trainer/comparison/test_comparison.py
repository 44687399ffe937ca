"""The comparison: which actors are drawn, once each, what they tell of themselves, and that it is drawn the same."""

import json
import shutil
from dataclasses import replace

import pytest

from ganglion.codegen.actor import read_actor, write_actor
from ganglion.main import main
from ganglion.selection import zoo_folder
from ganglion.trainer.comparison import Entry, collect, draw_comparison
from ganglion.trainer.comparison.entries import ComparisonError
from ganglion.trainer.distil.assignment import Record, write_record

SWIMMER = zoo_folder() / "Swimmer-v4" / "distil-n23.safetensors"
PROTOCOL = Entry("protocol", "", 0.98, 1_300, 2_600.0, 500.0, 30, 300_000, None, False, None, None)
STUDENT = Entry("distilled", "", 0.98, 1_382, 3_240.0, 5.0, 20, 208_000, 3.4, False, 3_241.0, 300_000)


def _zoo(folder):
    """A zoo of one student, without its record."""
    (folder / "Swimmer-v4").mkdir(parents=True)
    shutil.copy(SWIMMER, folder / "Swimmer-v4")
    return folder


def _run(folder, change):
    """A folder of runs with the student once more, its description changed."""
    folder.mkdir(parents=True)
    actor = read_actor(SWIMMER)
    write_actor(folder / "actor.safetensors", actor.policy, actor.about | change)
    return folder


def test_an_actor_tells_what_it_is_and_what_it_took(tmp_path):
    (entry,) = collect("Swimmer-v4", _zoo(tmp_path))
    assert (entry.method, entry.kind, entry.nonzeros, entry.chosen) == ("distilled", "", 23, True)
    assert entry.sparsity == pytest.approx(1 - 23 / 4_736)
    assert entry.teacher_return == pytest.approx(341.691) and entry.minutes is None and entry.steps == 67_000
    path = tmp_path / "Swimmer-v4" / SWIMMER.name
    write_record(path, Record(read_actor(path).policy.digest, 0.6))
    assert collect("Swimmer-v4", tmp_path)[0].minutes == 0.6


def test_a_teacher_that_was_made_from_another_counts_the_steps_of_both(tmp_path):
    provenance = read_actor(SWIMMER).about["provenance"]
    hardened = {"steps": 1_000, "teacher": {"provenance": {"steps": 2_000}}}
    for told, steps in ((hardened, 3_000), ({"steps": 5}, 5), ({}, None)):
        change = {"provenance": provenance | {"teacher": provenance["teacher"] | {"provenance": told}}}
        run = _run(tmp_path / str(steps), change)
        (entry,) = collect("Swimmer-v4", tmp_path / "no zoo", [run])
        assert entry.teacher_steps == steps


def test_a_policy_counts_once_and_fresh_episodes_go_before_those_that_chose_it(tmp_path):
    provenance = {name: value for name, value in read_actor(SWIMMER).about["provenance"].items() if name != "chosen"}
    runs = _run(tmp_path / "runs", {"provenance": provenance})
    (runs / "teachers").mkdir()
    (runs / "teachers" / "Swimmer-v4.safetensors").write_bytes(b"no actor")
    (runs / "teacher.safetensors").write_bytes(b"no actor either")
    assert [entry.chosen for entry in collect("Swimmer-v4", _zoo(tmp_path / "zoo"), [runs])] == [True]
    assert [entry.chosen for entry in collect("Swimmer-v4", tmp_path / "none", [runs])] == [False]
    (runs / "result.json").write_text(json.dumps({"minutes": 0.7}))
    assert [entry.minutes for entry in collect("Swimmer-v4", tmp_path / "none", [runs])] == [0.7]


def test_patterns_and_bits_are_kinds_of_their_own(tmp_path):
    provenance = read_actor(SWIMMER).about["provenance"]
    protocol = {"pattern": "pairs", "bits": {"weights": 4, "powers_of_two": True}}
    runs = _run(tmp_path / "runs", {"provenance": provenance | {"protocol": protocol}})
    (entry,) = collect("Swimmer-v4", tmp_path / "none", [runs])
    assert entry.kind == "pairs, powers of two, 4 bits"


def test_folders_without_actors_and_damaged_files_are_named(tmp_path):
    with pytest.raises(ComparisonError, match="no actor for Hopper-v4 with a measured return"):
        collect("Hopper-v4", tmp_path, [_run(tmp_path / "runs", {})])
    (tmp_path / "runs" / "actor.safetensors").write_bytes(b"half a fi")
    with pytest.raises(ComparisonError, match="not a whole safetensors file"):
        collect("Swimmer-v4", tmp_path, [tmp_path / "runs"])
    with pytest.raises(ComparisonError, match="neither an actor for Pendulum-v1 nor a published value"):
        draw_comparison([], "Pendulum-v1", "svg")


def test_the_figure_is_the_same_for_the_same_actors_and_tells_what_they_took():
    entries = [PROTOCOL, STUDENT, replace(STUDENT, mean=3_100.0), replace(STUDENT, kind="4 bits", minutes=None)]
    svg = draw_comparison(entries, "Hopper-v4", "svg")
    assert svg == draw_comparison(entries, "Hopper-v4", "svg")
    text = svg.decode()
    assert "1,382" in text and "2 x 3.4 min" in text and "0.3 M steps" in text and "4 bits" in text
    assert "Ivanov et al. 2025, int8 weights, ± band of 10 seeds, 1.3 M steps a point" in text
    assert "share of the weights that are zero" in text and "return, mean over episodes" in text
    assert draw_comparison(entries, "Hopper-v4", "png").startswith(b"\x89PNG")


def test_the_figure_of_another_version_says_which_one_the_published_values_are_of():
    text = draw_comparison([STUDENT], "Hopper-v5", "svg").decode()
    assert "Ivanov et al. 2025 (-v4), int8 weights, ± band" in text and "Ivanov et al. 2025," not in text
    assert "Ivanov" not in draw_comparison([STUDENT], "Walker2d-v5", "svg").decode()


def test_the_command_writes_both_files(tmp_path, capsys):
    stem = tmp_path / "figures" / "swimmer"
    assert main(["figure", "--env", "Swimmer", "--out", str(stem)]) == 0
    assert (tmp_path / "figures" / "swimmer.svg").read_text().count("<svg") == 1
    assert (tmp_path / "figures" / "swimmer.png").stat().st_size > 1_000
    assert main(["figure", "--env", "Swimmer", "--runs", str(tmp_path / "figures")]) == 2
    assert "no actor for Swimmer-v4" in capsys.readouterr().err
