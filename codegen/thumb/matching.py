"""Disjoint pairs of large total score."""

from __future__ import annotations

import numpy as np

FORBIDDEN = -1e9


def match(score: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of the indices of the symmetric matrix `score` (n, n); each index is in one pair at most.

    The best pair first, then exchanges between two pairs until none gains. Pairs of FORBIDDEN score are left out.
    Takes time cubic in n at worst; the same scores give the same pairs.
    """
    score = np.where(np.eye(len(score), dtype=bool), FORBIDDEN, score)
    pairs = _greedy(score)
    improved = True
    while improved:
        improved = False
        for first in range(len(pairs)):
            for second in range(first + 1, len(pairs)):
                better = _exchange(score, pairs[first], pairs[second])
                if better is not None:
                    pairs[first], pairs[second] = better
                    improved = True
    return [(min(pair), max(pair)) for pair in pairs]


def _greedy(score: np.ndarray) -> list[tuple[int, int]]:
    pairs, used = [], set()
    for flat in np.argsort(-score, axis=None, kind="stable"):
        a, b = (int(index) for index in divmod(int(flat), len(score)))
        if score[a, b] == FORBIDDEN:
            break
        if a not in used and b not in used:
            pairs.append((a, b))
            used |= {a, b}
    return pairs


def _exchange(
    score: np.ndarray, first: tuple[int, int], second: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    (a, b), (c, d) = first, second
    now = score[a, b] + score[c, d]
    if score[a, c] + score[b, d] > now:
        return (a, c), (b, d)
    if score[a, d] + score[b, c] > now:
        return (a, d), (b, c)
    return None
