"""The report as one self-contained HTML page: no scripts, nothing fetched."""

from __future__ import annotations

from importlib.resources import files

import jinja2

from .charts import Chart, bar_chart, share_bar
from .table import summary_rows


def render_page(report: dict) -> str:
    """The page of a valid report; the same report gives the same bytes."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(files(__package__).joinpath("templates/report.html.j2").read_text())
    flash = {name: size for name, size in report.get("build", {}).get("flash_bytes", {}).items() if name != "total"}
    return template.render(
        report=report,
        headline=_headline(report),
        rows=summary_rows(report),
        returns=_returns_chart(report),
        cycles=_cycles_chart(report),
        flash_pieces=share_bar(flash) if flash else (),
        flash=list(flash.items()),
    )


def _headline(report: dict) -> list[tuple[str, str, str]]:
    """The few figures that are asked for first: (value, unit, what)."""
    figures = []
    if "reward" in report:
        figures.append((f"{report['reward']['device']['mean']:,.0f}", "return", "mean, measured on the device"))
    if "timing" in report:
        timing = report["timing"]
        figures.append((f"{timing['cycles']['median']:,}", "cycles", f"median; {timing['source']}"))
    if "latency_us" in report.get("timing", {}):
        figures.append((f"{report['timing']['latency_us']['median']:,.1f}", "µs", "per inference, median"))
    if "compression" in report:
        compression = report["compression"]
        figures.append((f"{compression['policy_flash_bytes']:,}", "bytes", "of flash for the policy, code included"))
        figures.append((f"{compression['ratio']:.0f}", "times", "smaller than dense float32"))
    equality = report["equality"]
    figures.append((f"{equality['mismatches']:,}", "mismatches", f"in {equality['inferences']:,} inferences"))
    return figures


def _returns_chart(report: dict) -> Chart | None:
    if "reward" not in report:
        return None
    reward = report["reward"]
    returns, seeds = reward["device"]["returns"], reward["seeds"]
    rules = [(name, reward[name]["mean"]) for name in ("dense", "float") if name in reward]
    titles = [f"seed {seed}: {value:,.1f}" for seed, value in zip(seeds, returns, strict=True)]
    return bar_chart(returns, titles, [str(seed) for seed in seeds], rules)


def _cycles_chart(report: dict) -> Chart | None:
    if "timing" not in report:
        return None
    histogram = report["timing"]["cycles_histogram"]
    edges, counts = histogram["edges"], histogram["counts"]
    titles = [
        f"{low:,} to {high - 1:,} cycles: {count:,} inferences"
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    return bar_chart(counts, titles, [f"{edge:,}" for edge in edges[:-1]])
