"""Which kernel is compiled: the one that is asked for, or the one that the prices speak for."""

from __future__ import annotations

from rich.console import Console

from ganglion.codegen.compile import CompileOptions
from ganglion.codegen.policy import Policy

from .options import KernelOptions
from .pricing.candidates import price_kernels, price_mixes
from .pricing.choice import Choice, choose, keep
from .pricing.prices import price_kernel
from .pricing.table import print_choice
from .pricing.target import DEFAULT_TOOLCHAIN, target_of


def choose_kernel(
    policy: Policy,
    core: str,
    options: KernelOptions,
    board: str | None = None,
    toolchain: str = DEFAULT_TOOLCHAIN,
) -> tuple[str, Choice | None]:
    """The kernel for `policy` on `core`, and the choice where prices were asked for, which is printed.

    Without --optimize and without a limit nothing is priced. A kernel that is asked for is priced only to hold it
    against the limits. BudgetError when the limits cannot be kept.
    """
    goal, limits = options.goal, options.limits()
    if not limits and (options.kernel is not None or goal is None):
        return CompileOptions.kernel if options.kernel is None else options.kernel, None
    target = target_of(core, board, toolchain, options.flash_model)
    if options.kernel is not None:
        return options.kernel, keep(price_kernel(policy, target, options.kernel), limits)
    console = Console()
    with console.status("pricing") as status:
        single, refused = price_kernels(policy, target, lambda kernel: status.update(f"pricing {kernel}"))
        status.update("pricing mixes of kernels")
        mixes = price_mixes(policy, target, single, goal, limits) if options.mix else []
    choice = choose([*single, *mixes], goal, limits, refused)
    print_choice(choice, console)
    return choice.price.kernel, choice
