"""docs/bench.md: the measurements as a page, made of the JSON file and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.templating import c_templates
from ganglion.codegen.timing import ZERO_WAIT

from .baseline import Content
from .peers import PEERS
from .rows import ALL_KERNELS, KernelRow, LeftOut

_HEADINGS = (
    "kernel", "sparsity", "weights", "instructions", "cycles", "cycles per weight", "flash bytes", "RAM bytes",
    "compile s",
)  # fmt: skip


def bench_page(content: Content) -> str:
    """The page of `content` as Markdown, the same text for the same content."""
    plain = [row for row in content.rows if row.flash_model == ZERO_WAIT]
    slow = [row for row in content.rows if row.flash_model != ZERO_WAIT]
    sections = [
        (net, core, _summary(_of(plain, net, core)), _details(_of(plain, net, core)))
        for net, core in dict.fromkeys((row.net, row.core) for row in plain)
    ]
    return (
        c_templates(__package__)
        .get_template("bench.md.j2")
        .render(
            content=content,
            sections=sections,
            flash=_flash_table(slow, plain),
            left_out=_reasons(content.left_out),
        )
    )


def _of(rows: Iterable[KernelRow], net: str, core: str) -> list[KernelRow]:
    return [row for row in rows if (row.net, row.core) == (net, core)]


def _summary(rows: Sequence[KernelRow]) -> str:
    """Cycles / bytes, a line for each kernel and a column for each sparsity."""
    sparsities = sorted({row.sparsity for row in rows})
    cells = {(row.kernel, row.sparsity): f"{_cycles(row)} / {row.policy_flash_bytes:,}" for row in rows}
    body = [
        [_name(kernel), *(cells.get((kernel, sparsity), "-") for sparsity in sparsities)]
        for kernel in ALL_KERNELS
        if any(row.kernel == kernel for row in rows)
    ]
    return _table(["cycles / bytes", *(f"{sparsity:.0%}" for sparsity in sparsities)], body)


def _details(rows: Sequence[KernelRow]) -> str:
    order = sorted(rows, key=lambda row: (ALL_KERNELS.index(row.kernel), row.sparsity))
    body = [
        [
            _name(row.kernel), f"{row.sparsity:.0%}", f"{row.nnz_effective:,}", f"{row.instructions:,}", _cycles(row),
            f"{row.cycles_per_nonzero:,.2f}", f"{row.policy_flash_bytes:,}", f"{row.ram_bytes:,}",
            f"{row.compile_s:.2f}",
        ]
        for row in order
    ]  # fmt: skip
    return _table(_HEADINGS, body)


def _flash_table(slow: Sequence[KernelRow], plain: Sequence[KernelRow]) -> str:
    """Cycles, a line for each kernel and a column for each flash model, of cases with wait states."""
    models = list(dict.fromkeys(row.flash_model for row in slow))
    cases = list(dict.fromkeys((row.net, row.sparsity, row.core, row.kernel) for row in slow))
    cells = {
        (row.net, row.sparsity, row.core, row.kernel, row.flash_model): f"{row.cycles:,}" for row in (*plain, *slow)
    }
    body = [
        [case[0], f"{case[1]:.0%}", case[2], _name(case[3]),
         *(cells.get((*case, model), "-") for model in (ZERO_WAIT, *models))]
        for case in cases
    ]  # fmt: skip
    return _table(["net", "sparsity", "core", "kernel", *(f"`{model}`" for model in (ZERO_WAIT, *models))], body)


def _reasons(left_out: Sequence[LeftOut]) -> str:
    """What was left out; kernels, then sparsities, with the same reason on one line."""
    kernels: dict[tuple[str, ...], list[str]] = {}
    for one in left_out:
        case = one.net, f"{one.sparsity:.0%}", one.core, one.flash_model, one.reason
        kernels.setdefault(case, []).append(_name(one.kernel))
    sparsities: dict[tuple[str, ...], list[str]] = {}
    for (net, sparsity, core, flash_model, reason), names in kernels.items():
        sparsities.setdefault((net, core, flash_model, reason, ", ".join(names)), []).append(sparsity)
    body = [
        [net, ", ".join(of), core, flash_model, names, reason]
        for (net, core, flash_model, reason, names), of in sparsities.items()
    ]
    return _table(["net", "sparsities", "core", "flash", "kernels", "reason"], body, "---")


def _name(kernel: str) -> str:
    return f"peer: {kernel}" if kernel in PEERS else f"`{kernel}`"


def _cycles(row: KernelRow) -> str:
    """The most, and the mean where time depends on the data."""
    if row.kernel in KERNELS and not KERNELS[row.kernel].constant_time:
        return f"{row.cycles:,} (mean {row.mean_cycles:,.0f})"
    return f"{row.cycles:,}"


def _table(headings: Sequence[str], body: Sequence[Sequence[str]], align: str = "---:") -> str:
    lines = [headings, ["---", *[align] * (len(headings) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
