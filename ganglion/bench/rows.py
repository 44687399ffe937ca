"""What a case of the kernel suite is, and what it gives: a row of counts, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product

from ganglion.codegen.kernels import KERNELS
from ganglion.codegen.timing import ZERO_WAIT

from .nets import NETS, SPARSITIES, Net
from .peers import PEERS
from .program import CORES

ALL_KERNELS = (*KERNELS, *PEERS)
MAX_STRAIGHT_NONZEROS = 20_000
FLASH_MODELS = (ZERO_WAIT, "stm32f405-art", "generic-64bit-4ws")

_MAIN_CORE, _MAIN_NET, _MAIN_SPARSITY, _SPARSE = "cortex-m4", NETS[0], 0.98, 0.95
_KERNELS_FOR_BLOCKS = ("csr", "rows", "straight", "lanes")
_KERNELS_FOR_NARROW_WEIGHTS = ("csr", "bytes", "packed", "stream")


@dataclass(frozen=True)
class Case:
    """One combination that can be measured."""

    net: Net
    sparsity: float
    kernel: str
    core: str
    flash_model: str = ZERO_WAIT

    @property
    def representative(self) -> bool:
        """Whether the default suite holds it: every plain net and every sparsity on the Cortex-M4, of the first net the
        sparse ones on the other cores and one with wait states, of nets with blocks or narrow weights sparse ones."""
        main_net = self.net == _MAIN_NET
        if self.net.block != _MAIN_NET.block or self.net.weight_bits != _MAIN_NET.weight_bits:
            blocks = self.net.block != _MAIN_NET.block
            kernels = _KERNELS_FOR_BLOCKS if blocks else _KERNELS_FOR_NARROW_WEIGHTS
            main = self.core == _MAIN_CORE and self.flash_model == ZERO_WAIT
            return main and self.sparsity >= _SPARSE and self.kernel in kernels
        if self.flash_model != ZERO_WAIT:
            return main_net and self.core == _MAIN_CORE and self.sparsity == _MAIN_SPARSITY
        return self.core == _MAIN_CORE or (main_net and self.sparsity >= _SPARSE)


@dataclass(frozen=True)
class Selection:
    """What to measure: all combinations, or the representative ones among them; straight-line code only for nets of at
    most `max_straight_nonzeros` weights."""

    nets: tuple[Net, ...] = NETS
    sparsities: tuple[float, ...] = SPARSITIES
    kernels: tuple[str, ...] = ALL_KERNELS
    cores: tuple[str, ...] = tuple(CORES)
    flash_models: tuple[str, ...] = FLASH_MODELS
    all: bool = False
    max_straight_nonzeros: int = MAX_STRAIGHT_NONZEROS

    def cases(self) -> Iterator[Case]:
        """The cases, those of one net and core together."""
        for core, model, net, sparsity, kernel in product(
            self.cores, self.flash_models, self.nets, self.sparsities, self.kernels
        ):
            case = Case(net, sparsity, kernel, core, model)
            if self.all or case.representative:
                yield case


@dataclass(frozen=True)
class _Result:
    net: str
    sparsity: float
    kernel: str
    core: str
    flash_model: str

    @property
    def key(self) -> str:
        """What tells it from all others."""
        model = "" if self.flash_model == ZERO_WAIT else f" {self.flash_model}"
        return f"{self.net} {self.sparsity:g} {self.kernel} {self.core}{model}"

    def as_dict(self) -> dict[str, object]:
        """A flat row of the JSON file."""
        return asdict(self)


@dataclass(frozen=True)
class KernelRow(_Result):
    """One measurement, from codes to codes. Kernels end behind the head, peers at the sums of the last layer.

    `instructions` and `cycles` are the most over `inputs` observations, `mean_cycles` the mean; they differ where time
    depends on the data or where caches start cold. `nnz_effective` counts weights of neurons that have an effect;
    `policy_flash_bytes` is code, constants and initial values, `ram_bytes` stack and static data, `compile_s` the
    processor seconds from policy to C text.
    """

    weight_bits: int
    inputs: int
    instructions: int
    cycles: int
    mean_cycles: float
    cycles_per_nonzero: float
    nnz_effective: int
    policy_flash_bytes: int
    ram_bytes: int
    compile_s: float


@dataclass(frozen=True)
class LeftOut(_Result):
    """A case without a measurement, and why."""

    reason: str
