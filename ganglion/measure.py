"""Measure one device and save what was found, all of it or, labelled, what there was time for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ganglion.codegen.actor import Actor
from ganglion.hil.cycles import CycleSample, sample_cycles
from ganglion.hil.device import Device
from ganglion.hil.equality import Equality, check_equality
from ganglion.hil.link import device_health
from ganglion.hil.observations import corner_observations
from ganglion.hil.page import render_page
from ganglion.hil.report import Build, make_report, write_report, write_whole
from ganglion.hil.rollout import Rollout, rollout
from ganglion.hil.table import print_report

CORNER_OBSERVATIONS = 2000
CYCLE_OBSERVATIONS = 50


def measure(
    actor: Actor,
    device: Device,
    build: Build,
    episodes: int,
    first_seed: int,
    path: Path,
    cycle_models: Sequence[Device] = (),
    corner_count: int | None = None,
) -> bool:
    """Compare `device` with the oracle over `episodes` and on `corner_count` corner observations (by default
    CORNER_OBSERVATIONS); write the report to `path` (.json, and .html beside it) and print it. `cycle_models` are the
    same device with other cycle models, for the range of the cycles. Returns whether every action was equal.

    What stopped the measurement before its time (DeviceError, KeyboardInterrupt) is raised after the report of
    what was measured until then is written, under the name of `partial_path`: an earlier finished report stays.
    """
    console = Console()
    samples = [_sample(actor, each) for each in cycle_models]
    corner_count = corner_count or CORNER_OBSERVATIONS
    with device, _progress() as progress:
        played = _play(actor, device, episodes, first_seed, progress)
        corners = None if played.stopped_by else _check_corners(actor, device, corner_count, progress)
        health = None if played.stopped_by or corners.stopped_by else device_health(device)
    report = make_report(actor, build, played, corners, samples, health)
    stopped_by = played.stopped_by or (corners.stopped_by if corners else None)
    _save(report, partial_path(path) if stopped_by else path, console)
    if stopped_by:
        raise stopped_by
    _remove_partial(path)
    return report["equality"]["mismatches"] == 0


def partial_path(path: Path) -> Path:
    """Where the report of a measurement that was stopped goes: report.partial.json for report.json."""
    return path.with_suffix(f".partial{path.suffix}")


def _save(report: dict, path: Path, console: Console) -> None:
    write_report(report, path)
    write_whole(path.with_suffix(".html"), render_page(report))
    print_report(report, console)
    console.print(f"{path} and {path.with_suffix('.html').name}", highlight=False, soft_wrap=True)


def _remove_partial(path: Path) -> None:
    """A finished report takes the place of what was measured of it before."""
    for each in (partial_path(path), partial_path(path).with_suffix(".html")):
        each.unlink(missing_ok=True)


def _sample(actor: Actor, device: Device) -> CycleSample:
    with device:
        return sample_cycles(actor.policy, device, corner_observations(actor.policy, CYCLE_OBSERVATIONS))


def _check_corners(actor: Actor, device: Device, count: int, progress: Progress) -> Equality:
    task = progress.add_task("corner observations", total=count, note="")
    observations = corner_observations(actor.policy, count)
    return check_equality(
        actor.policy, device, observations, lambda done: _every(50, done) and progress.update(task, completed=done)
    )


def _play(actor: Actor, device: Device, episodes: int, first_seed: int, progress: Progress) -> Rollout:
    task = progress.add_task("episodes", total=episodes, note="")

    def hear(episode: int, step: int, so_far: float) -> None:
        if _every(50, step):
            _show(progress, task, episode, f"step {step:,}, return {so_far:,.0f}")

    return rollout(actor.policy, device, actor.policy.env_id, episodes, first_seed, hear)


def _show(progress: Progress, task: TaskID, completed: int, note: str) -> None:
    progress.update(task, completed=completed, note=note)


def _every(count: int, number: int) -> bool:
    return number % count == 0


@contextmanager
def _progress() -> Iterator[Progress]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    note = TextColumn("{task.fields[note]}")
    with Progress(*columns, note, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress
