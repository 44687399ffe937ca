"""The compiler: from a policy to the text of its C code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from .bounds import prove_bounds
from .c_text import check_identifier
from .emit_c import emit_c
from .kernels import KERNELS, Kernel
from .known_answers import known_answers
from .passes import overview, simplify
from .plan import Plan
from .policy import Policy, PolicyError, check_policy
from .timing import CoreError, instruction_sets


class OptionsError(ValueError):
    """A compile option that does not exist or is out of range; says what is allowed."""


@dataclass(frozen=True)
class CompileOptions:
    """What the user chooses.

    `name` prefixes every identifier, `kernel` is a key of `kernels.KERNELS`, `known_answers` is the number
    of observations in the self-test (1 to 1000), and `core` is what the code will run on, such as "cortex-m4".
    """

    name: str = "policy"
    kernel: str = "csr"
    known_answers: int = 8
    core: str = "cortex-m4"


def compile_policy(policy: Policy, options: CompileOptions | None = None) -> Plan:
    """Compile `policy`: PolicyError when it breaks docs/numerics.md or could overflow, OptionsError or
    IdentifierError when an option does not fit. The same input gives the same bytes."""
    options = options or CompileOptions()
    kernel = _check(policy, options)
    known = known_answers(policy, options.known_answers)
    live = simplify(policy)
    bounds = prove_bounds(live)
    files = emit_c(options.name, live, bounds, kernel, known)
    return Plan(options.name, kernel.name, live, bounds, overview(policy, live), files)


def _check(policy: Policy, options: CompileOptions) -> Kernel:
    check_policy(policy)
    if not re.fullmatch("[0-9a-f]{64}", policy.digest):
        raise PolicyError(f"the policy's digest is {policy.digest!r}; 64 hex digits are needed, write it as an actor")
    check_identifier(options.name)
    if not 1 <= options.known_answers <= 1000:
        raise OptionsError(f"{options.known_answers} known answers were asked for; allowed: 1 to 1000")
    if options.kernel not in KERNELS:
        nearest = get_close_matches(options.kernel, KERNELS, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise OptionsError(f"there is no kernel {options.kernel!r}; allowed: {', '.join(KERNELS)}{hint}")
    return _check_core(KERNELS[options.kernel], options.core)


def _check_core(kernel: Kernel, core: str) -> Kernel:
    """The kernel, if `core` has its instructions."""
    try:
        sets = instruction_sets(core)
    except CoreError as error:
        raise OptionsError(str(error)) from error
    fitting = [name for name, other in KERNELS.items() if other.instruction_set in (None, *sets)]
    if kernel.name not in fitting:
        raise OptionsError(
            f"kernel {kernel.name} needs the instructions of {kernel.instruction_set}, which {core} does not have; "
            f"kernels for {core}: {', '.join(fitting)}"
        )
    return kernel
