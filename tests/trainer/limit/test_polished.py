"""A search that polishes: where it goes on, whom it polishes, that it is resumed, and what is refused."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.codegen.actor import read_actor
from ganglion.trainer.distil import DistilError, measure_teacher
from ganglion.trainer.engines import HereEngine
from ganglion.trainer.limit import Goal, Point, limit, make_student
from ganglion.trainer.limit import student as module
from ganglion.trainer.limit.plot import plot_front
from ganglion.trainer.limit.proposal import winner
from ganglion.trainer.limit.search import CHOOSING_EPISODES, CHOOSING_SEED
from ganglion.trainer.limit.student import Candidate
from ganglion.trainer.reinforce import ReinforceError, ReinforceSettings
from tests.trainer.distil.point import teacher
from tests.trainer.distil.test_distil import SMALL
from tests.trainer.distil.test_polish import SMALL as QUICK

from .landscape import CLIP, cliff, explore, result_of
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
    goal = Goal(polish=POLISH, seeds=3, weight_bits=(), widths=())
    assert max(r.point.seed for r in explore(goal, cliff(100, 8), CLIP, at_once=1) if r.share >= goal.keep) == 0


def test_under_a_budget_the_search_is_the_same_and_every_long_run_is_polished():
    goal = Goal(max_cycles=1_000)
    plain, polished = (explore(replace(goal, polish=how), cliff(400, 6)) for how in (None, POLISH))
    assert [result.point for result in plain] == [result.point for result in polished]
    assert goal.enough == float("inf") and Goal(keep=0.9).enough == 0.9


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A search within a budget, where every student of a long run is polished."""
    goal = replace(GOAL, max_bytes=120, polish=QUICK, weight_bits=(), clip_head=False)
    return goal, limit(teacher(), goal, tmp_path_factory.mktemp("limit"), price, base=SMALL, engine=_here())


def _here() -> HereEngine:
    return HereEngine(make_student)


def test_students_of_long_runs_are_polished_and_say_so(found):
    goal, search = found
    for result in search.results:
        provenance = read_actor(search.path.parent / "points" / result.point.name / "actor.safetensors").about[
            "provenance"
        ]
        assert result.polished == ("polish" in provenance)
        assert result.polished == (goal.polishing(result.point) is not None)
        if result.polished:
            assert provenance["polish"]["settings"]["steps"] == QUICK.steps
    assert any(result.polished for result in search.results)
    assert not list(search.path.parent.glob("points/*/actor.run"))


def test_what_is_enough_by_imitation_is_not_polished(tmp_path):
    goal = replace(GOAL, keep=0.5, polish=QUICK)
    search = limit(teacher(), goal, tmp_path, price, base=SMALL, engine=_here())
    assert any(goal.polishing(result.point) for result in search.results)
    assert not any(result.polished for result in search.results if result.share >= 0.9)


def test_a_student_whose_polishing_was_stopped_is_not_distilled_again(found, tmp_path, monkeypatch):
    search = found[1]
    result = next(result for result in search.results if result.polished)
    standard = measure_teacher(teacher(), CHOOSING_EPISODES, CHOOSING_SEED)
    candidate = Candidate(
        teacher(), standard, result.point, result.point.settings(SMALL, teacher().weights), tmp_path, price, QUICK, 9.0
    )

    def stop(*_):
        raise KeyboardInterrupt

    carry_out = module.carry_out
    monkeypatch.setattr(module, "carry_out", lambda job: stop() if job.polish else carry_out(job))
    with pytest.raises(KeyboardInterrupt):
        make_student(candidate)
    monkeypatch.setattr(module, "carry_out", carry_out)
    monkeypatch.setattr("ganglion.trainer.distil.assignment.distil", stop)
    make_student(candidate)
    name = f"points/{result.point.name}/actor.safetensors"
    assert (tmp_path / name).read_bytes() == (search.path.parent / name).read_bytes()


def test_polished_students_are_squares_in_the_plot():
    plain = result_of(Point(100, 8, None, 10, 0), 0.9)
    results = [plain, replace(result_of(Point(50, 8, None, 10, 0), 0.8), polished=True)]
    assert b"squares: polished" in plot_front(results, "Point", Goal(), "svg")
    assert b"squares" not in plot_front([plain], "Point", Goal(), "svg")


def test_a_search_with_other_polishing_is_another_search(found):
    goal, search = found
    told = json.loads((search.path.parent / "settings.json").read_text())
    assert told["goal"]["polish"]["steps"] == QUICK.steps
    with pytest.raises(DistilError, match="with other settings"):
        limit(teacher(), replace(goal, polish=None), search.path.parent, price, base=SMALL, engine=_here())


def test_polishing_that_cannot_work_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(ReinforceError, match="100 environment steps"):
        limit(teacher(), replace(GOAL, polish=ReinforceSettings(100)), tmp_path, price, base=SMALL, engine=_here())
    assert not list(tmp_path.iterdir())
