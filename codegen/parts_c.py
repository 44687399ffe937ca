"""Parts as the template parts.h.j2 prints them: each kernel's own text under a prefix of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .kernels import KERNELS, Kernel
from .parts import Part, PartsError, check_parts, cut, notation, output_type, parse_parts, reorder
from .policy import Policy
from .templating import c_templates


@dataclass(frozen=True)
class PartFunction:
    """One part: `text` defines what `<name>_layers` needs; the function `<name>` is the part, from codes of
    `input_type` to `outputs` codes of `output_type`."""

    name: str
    text: str
    kernel: str
    first: int
    end: int
    inputs: int
    input_type: str
    outputs: int
    output_type: str


@dataclass(frozen=True)
class _PartList:
    """A table of functions' addresses."""

    name: str
    parts: list[PartFunction]

    @property
    def count(self) -> int:
        """Entries of the table."""
        return len(self.parts)


def mixed_kernel(text: str) -> Kernel:
    """The kernel whose parts `text` tells; PartsError when the notation is wrong or a kernel is not for parts."""
    parts = parse_parts(text)
    for part in parts:
        if not (part.kernel in KERNELS and KERNELS[part.kernel].in_parts):
            allowed = ", ".join(name for name, kernel in KERNELS.items() if kernel.in_parts)
            raise PartsError(f"{part.kernel!r} in {text!r} is no kernel for parts; allowed: {allowed}")
    return Kernel(
        name=notation(parts),
        template="parts.h.j2",
        layers=lambda name, policy, _: part_functions(name, policy, parts),
        constant_time=all(KERNELS[part.kernel].constant_time for part in parts),
    )


def part_functions(name: str, policy: Policy, parts: Sequence[Part]) -> list[PartFunction]:
    """The functions `<name>_part0`, ... of all parts of a simplified policy."""
    check_parts(parts, policy)
    policy = arrange(policy, parts)
    return [part_function(f"{name}_part{number}", policy, part) for number, part in enumerate(parts)]


def arrange(policy: Policy, parts: Sequence[Part]) -> Policy:
    """The same policy with every hidden layer's neurons in the order that its part's kernel wants."""
    for part in parts:
        order = KERNELS[part.kernel].order
        for index in range(part.first, min(part.end, len(policy.layers) - 1)):
            policy = policy if order is None else reorder(policy, index, order(policy.layers[index]))
    return policy


def part_function(name: str, policy: Policy, part: Part) -> PartFunction:
    """The function `name` of one part of an arranged policy."""
    kernel = KERNELS[part.kernel]
    own, bounds = cut(policy, part.first, part.end)
    inputs, outputs = own.observation, own.layers[-1]
    context = {
        "name": name,
        "NAME": name.upper(),
        "kernel": kernel.name,
        "features": own.features,
        "observation_bits": inputs.bits,
        "output_type": output_type(outputs),
        "layers": kernel.layers(name, own, bounds),
    }
    return PartFunction(
        name=name,
        text=c_templates(__package__).get_template(kernel.template).render(context),
        kernel=kernel.name,
        first=part.first,
        end=part.end,
        inputs=own.features,
        input_type=f"{'' if inputs.code_range[0] < 0 else 'u'}int{inputs.bits}_t",
        outputs=outputs.rows,
        output_type=output_type(outputs),
    )


def part_files(parts: Sequence[PartFunction]) -> dict[str, str]:
    """C files {name: text} with all `parts`, kept by the table `part_list` of policy.c. Compilers make one of equal
    constants, so parts that overlap lie in different files: each longer part with its like, single layers together, and
    kernels of one template, which may pack a layer alike, apart."""
    groups: dict[tuple[int, int, int], list[PartFunction]] = {}
    for part in parts:
        span = (part.first, part.end) if part.end - part.first > 1 else (0, 0)
        groups.setdefault((*span, _place_in_template(part.kernel)), []).append(part)
    lists = [_PartList(f"part_list{number}", group) for number, group in enumerate(groups.values())]
    template = c_templates(__package__).get_template("part_list.c.j2")
    files = {f"{own.name}.c": template.render(name=own.name, parts=own.parts, others=[]) for own in lists}
    return {"policy.c": template.render(name="part_list", parts=[], others=lists)} | files


def _place_in_template(kernel: str) -> int:
    """Which of the kernels that share a template it is."""
    return [name for name, other in KERNELS.items() if other.template == KERNELS[kernel].template].index(kernel)
