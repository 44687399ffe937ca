"""A pipelined netlist in Verilog, one line per operation. Every value carries its exact interval, so that every
width is proved."""

from __future__ import annotations

from dataclasses import dataclass, replace


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


class Netlist:
    """Collects lines of Verilog. `per_stage` operations follow each other between two registers."""

    def __init__(self, per_stage: int) -> None:
        self.lines: list[str] = []
        self._per_stage = per_stage
        self._delayed: dict[str, list[str]] = {}
        self._count = 0

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
        text = f"{self._operand(a, depth, shift_a)} {'-' if sign < 0 else '+'} {self._operand(b, depth, shift_b)}"
        return self._wire(text, Value("", low, high, depth, exponent, a.negative))

    def add_constant(self, constant: int, value: Value) -> Value:
        """constant + value, with exponent 0."""
        scale = 1 << value.exponent
        sign = -1 if value.negative else 1
        low, high = sorted((constant + sign * scale * value.low, constant + sign * scale * value.high))
        depth = value.depth + 1
        literal = f"{'-' if constant < 0 else ''}{max(abs(constant).bit_length(), 1) + 1}'sd{abs(constant)}"
        text = f"{literal} {'-' if sign < 0 else '+'} {self._operand(value, depth, value.exponent)}"
        return self._wire(text, Value("", low, high, depth))

    def constant(self, constant: int) -> Value:
        """A value that never changes."""
        width = abs(constant).bit_length() + 1
        return self._wire(f"{'-' if constant < 0 else ''}{width}'sd{abs(constant)}", Value("", constant, constant, 0))

    def shift_saturate(self, value: Value, shift: int, low: int, high: int) -> Value:
        """floor(value / 2**shift), limited to [low, high]; what its interval excludes costs nothing."""
        shifted_low, shifted_high = value.low >> shift, value.high >> shift
        depth = value.depth + 1
        operand = self._operand(value, depth, 0)
        text = f"{operand} >>> {shift}"
        if shifted_high > high:
            text = f"({text}) > {_literal(high)} ? {_literal(high)} : {text}"
        if shifted_low < low:
            test = f"{operand} < 0" if low == 0 else f"({operand} >>> {shift}) < {_literal(low)}"
            text = f"{test} ? {_literal(low)} : {text}"
        limits = (min(max(limit, low), high) for limit in (shifted_low, shifted_high))
        return self._wire(text, Value("", *limits, depth))

    def at(self, value: Value, stage: int) -> str:
        """Name of the wire that holds `value` in pipeline stage `stage`."""
        chain = self._delayed.setdefault(value.name, [value.name])
        for clocks in range(len(chain), stage - self.stage(value) + 1):
            name = f"{value.name}_{clocks}"
            self.lines.append(f"    reg {_range(value)} {name};")
            self.lines.append(f"    always @(posedge clk) {name} <= {chain[-1]};")
            chain.append(name)
        return chain[stage - self.stage(value)]

    def _operand(self, value: Value, depth: int, shift: int) -> str:
        """`value` as a signed expression in the stage of an operation of `depth`."""
        name = self.at(value, max(0, depth - 1) // self._per_stage)
        name = name if value.signed else f"$signed({{1'b0, {name}}})"
        return f"$signed({{{name}, {shift}'b0}})" if shift else name

    def _wire(self, text: str, value: Value) -> Value:
        value = replace(value, name=f"v{self._count}")
        self._count += 1
        self.lines.append(f"    wire {_range(value)} {value.name} = {text};")
        return value


def _range(value: Value) -> str:
    return f"{'signed ' if value.signed else ''}[{value.bits - 1}:0]"


def _literal(number: int) -> str:
    width = abs(number).bit_length() + 1
    return f"{'-' if number < 0 else ''}{width}'sd{abs(number)}"
