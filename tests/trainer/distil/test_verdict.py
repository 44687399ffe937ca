"""Verdicts: fresh seeds, shares and their intervals."""

import numpy as np
import pytest

from ganglion.trainer.distil.verdict import Standard, compare
from ganglion.trainer.environments import make_env
from ganglion.trainer.evaluation import evaluate, evaluate_together

from .point import ENV, teacher


def test_lock_step_gives_the_returns_of_one_after_the_other():
    act = teacher().play
    alone = evaluate(lambda x: act(x[None])[0], make_env(ENV), 6, 100)
    together = evaluate_together(act, ENV, 6, 100)
    np.testing.assert_allclose(together, alone, atol=2e-3)


def test_the_share_is_a_ratio_of_means_with_a_paired_interval():
    taught = [100.0 + k for k in range(20)]
    verdict = compare([0.9 * value for value in taught], Standard(ENV, taught, 0.0, 0))
    assert verdict.share == pytest.approx(0.9)
    assert verdict.low == pytest.approx(0.9) and verdict.high == pytest.approx(0.9)
    assert verdict.worst == pytest.approx(90.0)


def test_one_fall_widens_the_interval():
    taught = [100.0] * 20
    verdict = compare([100.0] * 19 + [0.0], Standard(ENV, taught, 0.0, 0))
    assert verdict.share == pytest.approx(0.95)
    assert verdict.low < 0.9 and verdict.high == pytest.approx(1.0)


def test_negative_returns_are_measured_from_the_random_policy():
    verdict = compare([-300.0] * 20, Standard(ENV, [-200.0] * 20, -1200.0, 0))
    assert verdict.share == pytest.approx(0.9)


def test_the_entries_of_the_actor_file():
    verdict = compare([90.0, 80.0], Standard(ENV, [100.0, 100.0], 0.0, 7))
    assert verdict.returns["quantised"]["mean"] == 85.0
    assert verdict.about == {
        "share": 0.85,
        "low": 0.8,
        "high": 0.9,
        "baseline": 0.0,
        "episodes": 2,
        "first_seed": 7,
    }
