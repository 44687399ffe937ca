"""The report as a table in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_report(report: dict, console: Console) -> None:
    """Print `report` (report.schema.json), one row for each thing that was measured."""
    actor = report["actor"]
    table = Table(
        title=f"{actor['env']}  {actor['algo']}  {actor['digest'][:8]}", show_header=False, title_justify="left"
    )
    table.add_column(style="bold")
    table.add_column()
    for name, value in summary_rows(report):
        table.add_row(name, escape(value))
    console.print(table)
    if "partial" in report:
        partial = report["partial"]
        console.print(
            f"[bold yellow]PARTIAL[/]: {partial['finished_episodes']} of {partial['requested_episodes']} episodes; "
            f"{escape(partial['reason'])}"
        )


def summary_rows(report: dict) -> list[tuple[str, str]]:
    """Name and value of each row, as text; what the report does not hold has no row."""
    rows = [("network", _network(report["actor"]))]
    if "build" in report:
        rows += _build_rows(report["build"])
    if "compression" in report:
        rows.append(("compression", _compression(report["compression"])))
    if "timing" in report:
        rows += _timing_rows(report["timing"])
    if "health" in report:
        rows.append(("guard", _guard(report["health"])))
    rows.append(("equality", _equality(report["equality"])))
    return rows + _reward_rows(report.get("reward", {}))


def _network(actor: dict) -> str:
    shape = "-".join(map(str, actor["shape"]))
    effective = f", {actor['nnz_effective']:,} effective" if "nnz_effective" in actor else ""
    nonzeros = f"{actor['nnz']:,} nonzeros{effective}"
    return f"{shape}, {actor['sparsity']:.1%} sparse: {nonzeros}, {actor['weight_bits']}-bit weights"


def _build_rows(build: dict) -> list[tuple[str, str]]:
    parts = [build["target"], *(build[name] for name in ("board", "toolchain") if name in build)]
    rows = [("build", f"{', '.join(parts)}; kernel {build['kernel']}")]
    if "flash_bytes" in build:
        flash = build["flash_bytes"]
        shares = ", ".join(f"{name} {size:,}" for name, size in flash.items() if name != "total")
        rows.append(("flash", f"{flash['total']:,} bytes: {shares}"))
    if "ram_bytes" in build:
        rows.append(("RAM", ", ".join(f"{name} {size:,} bytes" for name, size in build["ram_bytes"].items())))
    return rows


def _compression(compression: dict) -> str:
    return (
        f"{compression['ratio']:.1f}x: {compression['dense_fp32_bytes']:,} bytes as dense float32 to "
        f"{compression['policy_flash_bytes']:,} with indices, biases, tables and code "
        f"(weights alone, as papers count: {compression['paper_ratio']:.0f}x)"
    )


def _timing_rows(timing: dict) -> list[tuple[str, str]]:
    rows = [("cycles", f"{_quantiles(timing['cycles'])} ({timing['source']})")]
    if "cycles_range" in timing:
        rows += _model_rows(timing)
    if "jitter_cycles" in timing:
        rows.append(("worst case", _worst(timing)))
    if "latency_us" in timing:
        modelled = ", without the flash's wait states" if _flash(timing["source"]) == "0" else ""
        clock = f"{timing['clock_hz'] / 1e6:g} MHz{modelled}"
        rows.append(("latency", f"{_quantiles(timing['latency_us'])} µs at {clock}"))
    if "energy_uj" in timing:
        energy, median = timing["energy_uj"], timing["cycles"]["median"]
        rows.append(("energy", f"{energy['value']:,} µJ for {median:,} cycles; {energy['source']}"))
    return rows


def _worst(timing: dict) -> str:
    if "jitter_us" not in timing:
        return f"{timing['cycles']['max']:,} cycles, jitter {timing['jitter_cycles']:,}"
    return (
        f"{timing['cycles']['max']:,} cycles ({timing['latency_us']['max']:,} µs), "
        f"jitter {timing['jitter_cycles']:,} cycles ({timing['jitter_us']:,} µs)"
    )


def _guard(health: dict) -> str:
    watchdog = f"watchdog {health['watchdog_ms']:,} ms" if health["watchdog_ms"] else "no watchdog"
    timeout = f"after {health['safe_timeout_ms']:,} ms of silence" if health["safe_timeout_ms"] else ""
    unsound = "where an observation is not finite" if health["safe_when_not_finite"] else ""
    when = " and ".join(filter(None, (timeout, unsound)))
    action = f"safe action {health['safe_action']} {when}" if when else "no safe action"
    return f"{watchdog}, {action}; last start: {health['reset_cause']}"


def _model_rows(timing: dict) -> list[tuple[str, str]]:
    """The ends of the pipeline's refill in one row, and each other flash, by "ws=...", in one of its own."""
    flash = _flash(timing["source"])
    models = [(each["source"], each["cycles"]["median"]) for each in timing["cycles_range"]]
    medians = [(_flash(source), f"{median:,} ({source})") for source, median in models]
    ends = [text for other, text in medians if other == flash]
    rows = [("cycle model", f"median from {' to '.join(ends)}")] if ends else []
    return rows + [("flash model", f"median {text}") for other, text in medians if other != flash]


def _flash(source: str) -> str:
    """The flash model in the source of a count, "ws=0" of "model:cortex-m4,P=2,ws=0"."""
    return source.partition("ws=")[2]


def _quantiles(values: dict) -> str:
    return f"median {values['median']:,}, p99 {values['p99']:,}, min {values['min']:,}, max {values['max']:,}"


def _equality(equality: dict) -> str:
    found = "no mismatch" if not equality["mismatches"] else f"{equality['mismatches']:,} MISMATCHES"
    corners = equality.get("corner_observations", {}).get("inferences", 0)
    return (
        f"{found} in {equality['inferences']:,} inferences, {corners:,} of them corner observations, "
        f"on {equality['device']} against {equality['oracle']}"
    )


def _reward_rows(reward: dict) -> list[tuple[str, str]]:
    rows = []
    if "device" in reward:
        device, seeds = reward["device"], reward["seeds"]
        low, high = min(device["returns"]), max(device["returns"])
        rows.append(
            (
                "return, device",
                f"{_spread(device)}, episodes {low:,.0f} to {high:,.0f}; seeds {seeds[0]} to {seeds[-1]}",
            )
        )
    if "reference" in reward:
        how = "own episodes" if reward["reference"]["replayed"] else "the same episodes, every action being equal"
        rows.append(("return, oracle", f"{_spread(reward['reference'])}; {how}"))
    for name in ("quantised", "float", "dense"):
        if name in reward:
            recorded = reward[name]
            rows.append(
                (
                    f"return, {name}",
                    f"{recorded['mean']:,.1f} ± {recorded['std']:,.1f}; {recorded['episodes']} episodes at training",
                )
            )
    return rows


def _spread(returns: dict) -> str:
    text = f"{returns['mean']:,.1f}"
    if "std" in returns:
        low, high = returns["ci95"]
        text += f" ± {returns['std']:,.1f}, 95 % interval of the mean {low:,.1f} to {high:,.1f}"
    return text
