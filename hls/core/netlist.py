"""A pipelined netlist in Verilog, one line per operation. Every value carries its exact interval, so that every
width is proved."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..design import DesignError


@dataclass(frozen=True)
class Value:
    """The integer in wire `name`, within [low, high], times 2**exponent, and negated if `negative`.

    `depth` counts the operations on the longest way to it.
    """

    name: str
    low: int
    high: int
    depth: int
    exponent: int = 0
    negative: bool = False

    @property
    def signed(self) -> bool:
        """Is the wire signed?"""
        return self.low < 0

    @property
    def bits(self) -> int:
        """Width of the wire."""
        return max(self.high.bit_length(), (-self.low - 1).bit_length() if self.signed else 0) + self.signed or 1

    def scaled(self, shift: int) -> Value:
        """The value times 2**shift, for nothing."""
        return replace(self, exponent=self.exponent + shift)

    def negated(self, negate: bool) -> Value:
        """The value times -1 if `negate`: whoever adds it subtracts."""
        return replace(self, negative=self.negative != negate)


@dataclass
class Sum:
    """The wire `value.name` = a +- b + constant, where `a` and `b` are names and shifts of signed operands.

    With `invert` the wire is the complement of that, followed by the bits `low_constant` of an exponent's worth.
    """

    value: Value
    a: tuple[Value, str, int]
    b: tuple[Value, str, int]
    subtract: bool
    constant: int = 0
    invert: bool = False
    low_bits: int = 0
    low_constant: int = 0

    @property
    def passed_bits(self) -> int:
        """Low bits that are those of one operand, because the other has none and the constant neither."""
        (_, _, shift_a), (_, _, shift_b) = self.a, self.b
        free = shift_b if self.subtract else max(shift_a, shift_b)
        return min(free, _trailing_zeros(self.constant)) if self.constant else free

    @property
    def chain_bits(self) -> int:
        """Bits that are added."""
        return max(1, self.value.bits - self.low_bits - self.passed_bits)

    def lines(self) -> list[str]:
        """Verilog: operands, adder, and the bits that go past it."""
        name, bits, passed = self.value.name, self.chain_bits, self.passed_bits
        constant = self.constant >> passed & ((1 << bits) - 1)
        unshifted = self.b if self.a[2] else self.a
        total = f"{{{name}s, {name}l}}" if passed else f"{name}s"
        if self.invert:
            total = f"~{total}"
        if self.low_bits:
            total = f"{{{total}, {self.low_bits}'d{self.low_constant}}}"
        return [
            f"    wire signed [{bits - 1}:0] {name}a = {_aligned(*self.a, passed)};",
            f"    wire signed [{bits - 1}:0] {name}b = {_aligned(*self.b, passed)};",
            *([f"    wire [{passed - 1}:0] {name}l = {_signed(*unshifted[:2])};"] if passed else []),
            f"    wire [{bits - 1}:0] {name}s;",
            f"    ganglion_add #(.BITS({bits}), .SUBTRACT({int(self.subtract)}), .CONSTANT({bits}'d{constant})) "
            f"{name}u (.a({name}a), .b({name}b), .y({name}s));",
            f"    wire {_range(self.value)} {name} = {total};",
        ]


class Netlist:
    """Collects lines of Verilog. `per_stage` operations, at least one, follow each other between two registers."""

    def __init__(self, per_stage: int) -> None:
        if per_stage < 1:
            raise DesignError(f"{per_stage} adders per stage asked for; at least 1 is needed")
        self.items: list[str | Sum] = []
        self._sums: dict[str, Sum] = {}
        self._read: set[str] = set()
        self._per_stage = per_stage
        self._delayed: dict[str, list[str]] = {}
        self._count = 0

    @property
    def lines(self) -> list[str]:
        """The Verilog so far."""
        return [line for item in self.items for line in ([item] if isinstance(item, str) else item.lines())]

    @property
    def sums(self) -> list[Sum]:
        """Every addition."""
        return list(self._sums.values())

    def stage(self, value: Value) -> int:
        """Registers between the inputs and `value`."""
        return max(0, value.depth - 1) // self._per_stage

    def add(self, a: Value, b: Value) -> Value:
        """a + b; a sum of two negated values is a negated sum."""
        if a.negative and not b.negative:
            a, b = b, a
        exponent = min(a.exponent, b.exponent)
        sign = -1 if a.negative != b.negative else 1
        shift_a, shift_b = a.exponent - exponent, b.exponent - exponent
        ends = sorted((sign * (b.low << shift_b), sign * (b.high << shift_b)))
        low, high = (a.low << shift_a) + ends[0], (a.high << shift_a) + ends[1]
        depth = max(a.depth, b.depth) + 1
        value = Value(self._name(), low, high, depth, exponent, a.negative)
        operands = ((a, self._at_depth(a, depth), shift_a), (b, self._at_depth(b, depth), shift_b))
        return self._keep(Sum(value, *operands, sign < 0))

    def add_constant(self, constant: int, value: Value, exclusive: bool = False) -> Value:
        """constant + value, with exponent 0. Where nobody else reads `value` or will (`exclusive`), it costs no adder:
        the constant joins the one that makes `value`."""
        if exclusive and value.name in self._sums and value.name not in self._read:
            return self._join(constant, self._sums[value.name], value)
        scale = 1 << value.exponent
        sign = -1 if value.negative else 1
        low, high = sorted((constant + sign * scale * value.low, constant + sign * scale * value.high))
        depth = value.depth + 1
        result = Value(self._name(), low, high, depth)
        zero = Value("1'sd0", 0, 0, depth)
        shifted = (value, self._at_depth(value, depth), value.exponent)
        if value.negative:
            return self._keep(Sum(result, (zero, zero.name, 0), shifted, True, constant))
        return self._keep(Sum(result, shifted, (zero, zero.name, 0), False, constant))

    def _join(self, constant: int, total: Sum, value: Value) -> Value:
        """`total`, which makes `value`, with `constant` in units of 2**0 added; -(s) + c is ~(s - c - 1)."""
        exponent = value.exponent
        high_part, low_part = constant >> exponent, constant & ((1 << exponent) - 1)
        sign = -1 if value.negative else 1
        ends = (sign * value.low + high_part, sign * value.high + high_part)
        low, high = ((end << exponent) + low_part for end in sorted(ends))
        total.constant = -high_part - 1 if value.negative else high_part
        total.invert = value.negative
        total.low_bits, total.low_constant = exponent, low_part
        total.value = replace(value, low=low, high=high, exponent=0, negative=False)
        return total.value

    def constant(self, constant: int) -> Value:
        """A value that never changes."""
        return self._wire(_literal(constant), Value("", constant, constant, 0))

    def shift_saturate(self, value: Value, shift: int, low: int, high: int) -> Value:
        """floor(value / 2**shift), limited to [low, high]; what its interval excludes costs nothing."""
        depth = value.depth + 1
        limits = [min(max(limit >> shift, low), high) for limit in (value.low, value.high)]
        result = Value("", *limits, depth)
        if limits[0] == limits[1]:
            return self._wire(_literal(limits[0]), result)
        name = self._at_depth(value, depth)
        if low == 0:
            return self._wire(_rectified(value, name, shift, result), result)
        text = f"{_signed(value, name)} >>> {shift}"
        if value.high >> shift > high:
            text = f"({text}) > {_literal(high)} ? {_literal(high)} : {text}"
        if value.low >> shift < low:
            text = f"({_signed(value, name)} >>> {shift}) < {_literal(low)} ? {_literal(low)} : {text}"
        return self._wire(text, result)

    def at(self, value: Value, stage: int) -> str:
        """Name of the wire that holds `value` in pipeline stage `stage`."""
        chain = self._delayed.setdefault(value.name, [value.name])
        for clocks in range(len(chain), stage - self.stage(value) + 1):
            name = f"{value.name}_{clocks}"
            self.items.append(f"    reg {_range(value)} {name};")
            self.items.append(f"    always @(posedge clk) {name} <= {chain[-1]};")
            chain.append(name)
        return chain[stage - self.stage(value)]

    def _at_depth(self, value: Value, depth: int) -> str:
        """Name of `value`, which is read, in the stage of an operation of `depth`."""
        self._read.add(value.name)
        return self.at(value, max(0, depth - 1) // self._per_stage)

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count - 1}"

    def _keep(self, total: Sum) -> Value:
        self.items.append(total)
        self._sums[total.value.name] = total
        return total.value

    def _wire(self, text: str, value: Value) -> Value:
        value = replace(value, name=self._name())
        self.items.append(f"    wire {_range(value)} {value.name} = {text};")
        return value


def _rectified(value: Value, name: str, shift: int, result: Value) -> str:
    """Bits of `value` from `shift` on: all ones where larger bits are set, all zeros where it is negative."""
    bits, top = result.bits, value.bits - value.signed
    text = f"{name}[{min(shift + bits, top) - 1}:{shift}]"
    if value.high >> shift > result.high:
        text = f"({{{bits}{{|{name}[{top - 1}:{shift + bits}]}}}} | {text})"
    if value.signed:
        text = f"{{{bits}{{~{name}[{top}]}}}} & {text}"
    return text


def _aligned(value: Value, name: str, shift: int, passed: int) -> str:
    """`value`, shifted left, less its `passed` lowest bits, as a signed expression."""
    if shift >= passed:
        return f"$signed({{{_signed(value, name)}, {shift - passed}'b0}})" if shift > passed else _signed(value, name)
    return f"{_signed(value, name)} >>> {passed - shift}"


def _signed(value: Value, name: str) -> str:
    return name if value.signed or "'" in name else f"$signed({{1'b0, {name}}})"


def _range(value: Value) -> str:
    return f"{'signed ' if value.signed else ''}[{value.bits - 1}:0]"


def _literal(number: int) -> str:
    width = abs(number).bit_length() + 1
    return f"{'-' if number < 0 else ''}{width}'sd{abs(number)}"


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1
