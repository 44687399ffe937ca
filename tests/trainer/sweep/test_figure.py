"""What is drawn: means with intervals, and the published values, of no other environment unless it says so."""

import json

import pytest

from ganglion.trainer.storage.result import Result
from ganglion.trainer.sweep.figure import aggregate, draw, published


def _results(env_id, seeds, correlated=False):
    return [
        Result(
            "sac", env_id, seed, sparsity, quantised, 1, 1, [100.0 * seed + 10 * sparsity], None, None, correlated, None
        )
        for seed in range(seeds) for sparsity in (0.0, 0.5, 0.98) for quantised in (False, True)
    ]  # fmt: skip


@pytest.mark.filterwarnings("error")
def test_points_are_means_over_seeds_with_intervals():
    """Without a warning, which would stand between a sweep's last lines."""
    points = aggregate(_results("Hopper-v4", 3))
    assert len(points) == 6
    dense = points[0]
    assert (dense.sparsity, dense.quantised, dense.seeds, dense.mean) == (0.0, False, 3, 100.0)
    assert 0 <= dense.low < dense.mean < dense.high <= 200
    single = aggregate(_results("Hopper-v4", 1))
    assert all(point.low is None and point.high is None for point in single)


def test_the_papers_values_are_data():
    values = published("Hopper-v4")
    assert len(values) == 18 and {value.env_id for value in values} == {"Hopper-v4"}
    (at_98,) = (value for value in values if value.sparsity == 0.98 and value.quantised)
    assert (at_98.mean, at_98.band, at_98.seeds) == (2796, 773, 10)
    assert len(published("BoxingNoFrameskip-v4", "residual")) == 14
    assert published("Pendulum-v1") == []


@pytest.mark.parametrize("name", ["HalfCheetah", "Hopper", "Swimmer"])
def test_another_version_that_is_alike_has_the_papers_values_by_their_name(name):
    values = published(f"{name}-v5")
    assert values == published(f"{name}-v4") != []
    assert {value.version_beside(f"{name}-v5") for value in values} == {" (-v4)"}
    assert {value.version_beside(f"{name}-v4") for value in values} == {""}


@pytest.mark.parametrize("name", ["Walker2d", "Ant", "Humanoid"])
def test_another_version_that_behaves_differently_has_none(name):
    assert published(f"{name}-v4")
    assert published(f"{name}-v5") == []


def test_a_game_with_frames_skipped_is_not_the_papers():
    assert published("PongNoFrameskip-v4", "residual")
    assert published("Pong-v4", "residual") == published("PongNoFrameskip-v4") == []


def test_figures_are_the_same_for_the_same_results(tmp_path):
    texts = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        paths = draw(aggregate(_results("Hopper-v4", 3, correlated=True)), "Hopper-v4", folder)
        assert [path.name for path in paths] == ["Hopper-v4.svg", "Hopper-v4.png", "Hopper-v4.json"]
        texts.append([path.read_bytes() for path in paths])
    assert texts[0] == texts[1]
    svg = texts[0][0].decode()
    assert "paper: pruned, integers" in svg and "points correlate" in svg and "3 seeds" in svg
    assert len(json.loads(texts[0][2])["published"]) == 18


def test_a_figure_says_which_version_the_papers_values_are_of(tmp_path):
    svg, _, values = draw(aggregate(_results("Hopper-v5", 1)), "Hopper-v5", tmp_path)
    text = svg.read_text()
    assert "paper (-v4): pruned, integers" in text and "paper (-v4): dense, float32" in text and "paper:" not in text
    assert {value["env_id"] for value in json.loads(values.read_text())["published"]} == {"Hopper-v4"}
    svg, _, values = draw(aggregate(_results("Ant-v5", 1)), "Ant-v5", tmp_path)
    assert "paper" not in svg.read_text() and json.loads(values.read_text())["published"] == []
