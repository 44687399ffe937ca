"""A search that polishes: where it goes on, whom it polishes, that it is resumed, and what is refused."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.codegen.actor import read_actor
from ganglion.trainer.distil import measure_teacher
from ganglion.trainer.distil.assignment import Assignment
from ganglion.trainer.engines import HereEngine
from ganglion.trainer.limit import DesignPrice, Goal, Point, Price, limit, make_student
from ganglion.trainer.limit import student as module
from ganglion.trainer.limit.plot import plot_front
from ganglion.trainer.limit.proposal import winner
from ganglion.trainer.limit.record import Record
from ganglion.trainer.limit.search import CHOOSING_EPISODES, CHOOSING_SEED
from ganglion.trainer.limit.student import Candidate
from ganglion.trainer.reinforce import ReinforceError, ReinforceSettings
from ganglion.trainer.storage.folder import FolderError
from tests.trainer.distil.point import teacher
from tests.trainer.distil.test_distil import SMALL
from tests.trainer.distil.test_polish import SMALL as QUICK

from .landscape import TANH, cliff, explore, result_of
from .test_limit import GOAL, price

POLISH = ReinforceSettings(400_000)


@settings(max_examples=60, deadline=None)
@given(smallest=st.integers(60, 1_400), reach=st.floats(1.0, 12.0), seeds=st.integers(1, 3))
def test_the_search_goes_down_to_where_polishing_ends(smallest, reach, seeds):
    goal = Goal(unit="nonzeros", polish=POLISH, seeds=seeds, weight_bits=(), widths=())
    alone, polished = cliff(round(smallest * reach), 8), cliff(smallest, 8)
    results = explore(goal, lambda point: (polished if goal.polishing(point) else alone)(point))
    assert smallest <= winner(goal, results).nonzeros <= goal.resolution * smallest + 1
    assert len(results) < 14 + 8 * seeds


def test_where_imitation_passes_nothing_polishing_begins_at_the_top():
    goal = Goal(polish=POLISH, seeds=1, weight_bits=(), widths=())
    results = explore(goal, lambda point: 1.0 if goal.polishing(point) and point.nonzeros > 2_000 else 0.1)
    assert winner(goal, results).nonzeros == pytest.approx(2_000, rel=0.25)


def test_short_runs_are_not_polished_and_do_not_bisect():
    goal = Goal(polish=POLISH, weight_bits=(), widths=())
    results = explore(goal, lambda point: 1.0 if point.nonzeros > (300 if goal.polishing(point) else 1_000) else 0.8)
    short = {result.nonzeros for result in results if goal.polishing(result.point) is None}
    assert short == {2_800, 1_400, 700, 350}
    assert Goal().polishing(Point(300, 8, None, Goal().long_updates, 0)) is None


def test_a_second_seed_is_not_polished_where_the_first_passes():
    goal = Goal(polish=POLISH, seeds=3)
    results = explore(goal, cliff(100, 5, width=20), TANH, at_once=1)
    assert all(result.point.seed == 0 for result in results if result.share >= goal.keep)


def test_under_a_budget_the_search_is_the_same_and_no_share_is_enough():
    goal = Goal(max_cycles=1_000)
    plain, polished = (explore(replace(goal, polish=how), cliff(400, 6)) for how in (None, POLISH))
    assert [result.point for result in plain] == [result.point for result in polished]
    assert goal.enough == float("inf") and Goal(keep=0.9).enough == 0.9


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A search whose smallest student falls short by imitation and is polished."""
    goal = replace(GOAL, keep=0.6, start=0.1, polish=QUICK, weight_bits=(), clip_head=False)
    return goal, search_in(tmp_path_factory.mktemp("limit"), goal)


def search_in(folder, goal: Goal):
    return limit(teacher(), goal, folder, price, base=SMALL, engine=HereEngine(make_student))


@pytest.fixture(scope="module")
def standard():
    return measure_teacher(teacher(), CHOOSING_EPISODES, CHOOSING_SEED)


POINT = Point(10, 8, None, GOAL.long_updates, 0)


def candidate(standard, folder, enough: float = 9.0, **changes) -> Candidate:
    """A student that polishing makes better, and that is polished where it keeps less than `enough`."""
    settings = POINT.settings(SMALL, teacher().weights)
    return replace(Candidate(teacher(), standard, POINT, settings, folder, price, QUICK, enough), **changes)


def test_students_of_long_runs_that_fall_short_are_polished_and_say_so(found):
    search = found[1]
    assert {result.point for result in search.results if result.polished} == {POINT}
    for result in search.results:
        path = search.path.parent / "points" / result.point.name / "actor.safetensors"
        assert result.polished == ("polish" in read_actor(path).about["provenance"])
    assert not list(search.path.parent.glob("points/*/actor.run"))


def test_only_what_does_not_keep_enough_is_polished_and_keeps_more_then(standard, tmp_path):
    results = []
    for enough in (0.0, 9.0):
        make_student(candidate(standard, tmp_path / str(enough), enough))
        results.append(Record(tmp_path / str(enough)).read(POINT))
    plain, polished = results
    assert (plain.polished, polished.polished) == (False, True)
    assert polished.share > plain.share and polished.minutes > plain.minutes
    make_student(candidate(standard, tmp_path / "same", plain.share))
    assert not Record(tmp_path / "same").read(POINT).polished


def test_what_no_part_has_room_for_is_not_polished(standard, tmp_path):
    make_student(candidate(standard, tmp_path, price=without_room))
    assert not Record(tmp_path).read(POINT).polished


def without_room(policy) -> Price:
    return Price(policy.nonzeros, designs=(DesignPrice("spatial", 90, 9_000, False),))


@pytest.mark.parametrize("settings", [replace(QUICK, learning_rate=1e-12), replace(QUICK, learning_rate=1e30)])
def test_a_polishing_that_does_not_help_or_diverges_leaves_the_student_as_it_was(standard, tmp_path, settings):
    make_student(candidate(standard, tmp_path / "plain", 0.0))
    make_student(candidate(standard, tmp_path / "polished", polish=settings))
    one, other = (Record(tmp_path / name).read(POINT) for name in ("plain", "polished"))
    assert replace(other, minutes=one.minutes) == one
    assert settings.learning_rate > 1 or other.minutes > one.minutes
    files = [tmp_path / name / "points" / POINT.name / "actor.safetensors" for name in ("plain", "polished")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_student_whose_polishing_was_stopped_is_not_distilled_again(standard, tmp_path, monkeypatch):
    make_student(candidate(standard, tmp_path / "whole"))

    def stop(*_):
        raise KeyboardInterrupt

    carry_out = module.carry_out
    monkeypatch.setattr(module, "carry_out", lambda job, report=None: stop() if job.polish else carry_out(job))
    with pytest.raises(KeyboardInterrupt):
        make_student(candidate(standard, tmp_path / "stopped"))
    monkeypatch.setattr(module, "carry_out", carry_out)
    monkeypatch.setattr("ganglion.trainer.distil.assignment.distil", stop)
    make_student(candidate(standard, tmp_path / "stopped"))
    name = f"points/{POINT.name}/actor.safetensors"
    assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_it_tells_how_far_a_student_is(standard, tmp_path, monkeypatch):
    phases = []
    tell = Assignment.tell

    def remember(assignment, progress):
        tell(assignment, progress)
        phases.append(Record(tmp_path).progress(POINT).phase)

    monkeypatch.setattr(Assignment, "tell", remember)
    make_student(candidate(standard, tmp_path))
    assert phases[0] != "polish" == phases[-1]
    assert Record(tmp_path).progress(POINT) is None


def test_polished_students_are_squares_in_the_plot():
    plain = result_of(Point(100, 8, None, 10, 0), 0.9)
    results = [plain, replace(result_of(Point(50, 8, None, 10, 0), 0.8), polished=True)]
    assert b"squares: polished" in plot_front(results, "Point", Goal(), "svg")
    assert b"squares" not in plot_front([plain], "Point", Goal(), "svg")


def test_a_search_with_other_polishing_is_another_search(found):
    search = found[1]
    told = json.loads((search.path.parent / "settings.json").read_text())
    assert told["goal"]["polish"]["steps"] == QUICK.steps
    with pytest.raises(FolderError, match=r"differs in: goal\.polish"):
        search_in(search.path.parent, replace(found[0], polish=None))


def test_polishing_that_cannot_work_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(ReinforceError, match="100 environment steps"):
        search_in(tmp_path, replace(GOAL, polish=ReinforceSettings(100)))
    assert not list(tmp_path.iterdir())
