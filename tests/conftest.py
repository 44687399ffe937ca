"""No deadlines for property tests, since a loaded machine is no defect; at the end, what was skipped and why."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings

settings.register_profile("ganglion", deadline=None)
settings.load_profile("ganglion")


def pytest_terminal_summary(terminalreporter) -> None:
    """One line for each reason, so that a missing tool is not overlooked."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(_reason(report) for report in skipped)
    if reasons:
        terminalreporter.section(f"{len(skipped)} skipped")
        for reason, count in sorted(reasons.items()):
            terminalreporter.line(f"{count:4}  {reason}")


def _reason(report) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
