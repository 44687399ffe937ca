"""The order of jobs that read shared values: a job that reads what was just read comes next."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def order_jobs(reads: Sequence[Sequence[Hashable]], memory: int, first: int | None = None) -> list[int]:
    """A greedy order of all jobs: each next job shares most with the last `memory` values read, the newest first.

    The longest job comes first unless `first` is given; ties go to the lower number. Takes time quadratic in the
    number of jobs.
    """
    if not reads:
        return []
    readers: dict[Hashable, list[int]] = {}
    for job, values in enumerate(reads):
        for value in set(values):
            readers.setdefault(value, []).append(job)
    left = dict.fromkeys(range(len(reads)))
    current = max(left, key=lambda job: (len(reads[job]), -job)) if first is None else first
    recent: dict[Hashable, None] = {}
    result = []
    while True:
        result.append(current)
        del left[current]
        for value in reads[current]:
            recent.pop(value, None)
            recent[value] = None
        if not left:
            return result
        current = _next(list(recent)[-memory:], readers, left, reads)


def _next(
    recent: list[Hashable],
    readers: dict[Hashable, list[int]],
    left: dict[int, None],
    reads: Sequence[Sequence[Hashable]],
) -> int:
    score: dict[int, float] = {}
    for rank, value in enumerate(recent):
        for job in readers[value]:
            if job in left:
                score[job] = score.get(job, 0.0) + 1 + rank / 100
    if not score:
        return min(left, key=lambda job: (len(reads[job]), job))
    return max(score, key=lambda job: (score[job] - 0.3 * len(reads[job]), -job))
