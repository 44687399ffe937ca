"""What an image does when nothing sound comes in, or when it is stuck (docs/safety.md)."""

from __future__ import annotations

from dataclasses import dataclass

from .board import Board

LONGEST_TIMEOUT_MS = 0xFFFF


class SafetyError(ValueError):
    """A safety setting that a board cannot keep; says what is allowed."""


@dataclass(frozen=True)
class Safety:
    """Settings of an image. `action` are the codes that stand in, one for each action (all 0 when empty).

    They are given when no observation has come for `timeout_ms` (0: never), and `when_not_finite`. The watchdog resets
    a board that is stuck for `watchdog_ms` (0: none; None: as the board's file says).
    """

    action: tuple[int, ...] = ()
    timeout_ms: int = 0
    when_not_finite: bool = False
    watchdog_ms: int | None = None


def safety_defines(safety: Safety, board: Board, actions: int) -> dict[str, str]:
    """`safety` as preprocessor definitions for runtime/main.c; SafetyError when `board` or `actions` do not fit it."""
    action = safety.action or (0,) * actions
    if len(action) != actions or not all(-32768 <= code <= 32767 for code in action):
        raise SafetyError(f"safe action {list(action)}: {actions} codes from -32768 to 32767 are needed")
    if not 0 <= safety.timeout_ms <= LONGEST_TIMEOUT_MS:
        raise SafetyError(f"safe time-out of {safety.timeout_ms} ms; allowed: 0 (never) to {LONGEST_TIMEOUT_MS}")
    if safety.timeout_ms and "systick.c" not in board.drivers:
        raise SafetyError(f"board {board.name} has no driver that tells the time (systick.c), so no safe time-out")
    return {
        "GANGLION_SAFE_ACTION": ",".join(map(str, action)),
        "GANGLION_SAFE_TIMEOUT_MS": f"{safety.timeout_ms}u",
        "GANGLION_SAFE_WHEN_NOT_FINITE": str(int(safety.when_not_finite)),
        "GANGLION_WATCHDOG_MS": f"{_watchdog_ms(safety, board)}u",
    }


def _watchdog_ms(safety: Safety, board: Board) -> int:
    watchdog, wanted = board.watchdog, safety.watchdog_ms
    if watchdog is None:
        if wanted:
            raise SafetyError(f"board {board.name} has no watchdog; leave it out or choose a board that has one")
        return 0
    if wanted is None:
        return watchdog.timeout_ms
    if not 0 <= wanted <= watchdog.longest_ms:
        raise SafetyError(f"watchdog of {wanted} ms; {watchdog.name} of {board.name} takes 0 to {watchdog.longest_ms}")
    return wanted
