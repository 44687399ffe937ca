"""Straight-line code for cores with DSP instructions: two rows in one accumulator, two activations in one word.

Rows of the first layer are computed in pairs: low + 2**16 * high in one 32-bit register, so that one multiplication by
a weight of both serves both. The register holds the pair's true sums modulo 2**32; with 2**15 added to each, the lanes
are unsigned and do not borrow as long as each sum lies in [-2**15, 2**15 - 1], which the proved interval of every
finished sum must say (partial sums may wrap). Then UQSUB16 is the ReLU of both. Rows whose interval is too wide are
computed alone.

Later layers multiply halves: SMLAxy takes either half of an activation word and either half of a word of weights, and
SMLAD both. Activations of pairs are below 2**15 by the same proof, so that as signed halves they are themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from ..bounds import LayerBounds
from ..policy import Policy
from ..thumb import operation as op
from ..thumb.allocate import allocate
from ..thumb.immediate import load_cost
from ..thumb.operation import Accumulator, Constant, Memory, Operation, TableWord, Value
from ..thumb.order import order_jobs
from ..thumb.weight_words import WeightWords, pack
from . import straight as plain
from .lane_pairs import LanePair, pair_readers, pair_rows
from .lane_sums import Half, PairSum, pair_columns, pair_sum
from .straight import CODES, REGISTERS, Row, Straight, is_fused, layer_rows, name

TABLE = "table"
_TABLE_REGISTER = "r2"
_LANE_BIAS = 0x8000_8000
_MEMORIES = (4, 6)
_WINDOW_LOADS = (8, 9)
_SCORES = ((1.6, 2.3), (2.2, 1.6))


def lanes(policy: Policy, bounds: Sequence[LayerBounds]) -> Straight:
    """Code of a simplified policy with its proved bounds; the fastest of several pairings and orders.

    At the start r0 holds the address of the codes and r2 that of the table; the address for the outputs lies at
    [sp, #4 * frame_words]. StraightError when a layer or the observation is too wide to be addressed.
    """
    words = plain.check_width(policy)
    stored = len(policy.layers) - (2 if is_fused(policy) else 1)
    halves = policy.observation.code_range[1] < 1 << 15
    scores = _SCORES if stored and halves else ()
    pairings = [pair_rows(policy.layers[0], bounds[0], policy.layers[1], *score) for score in scores] or [[]]
    found = {}
    for number, memory in product(range(len(pairings)), _MEMORIES):
        builder = _Builder(policy, bounds, pairings[number], [], memory)
        found[number, memory] = builder.fastest(stored, words - len(pairings[number]))
    _, memory = min(found, key=lambda tried: found[tried].code.cycles)
    columns = pair_columns(policy.layers[0]) if stored else []
    for number, pairs in enumerate(pairings if columns else []):
        frame_words = words - len(pairs) + len(columns)
        if frame_words <= plain.MAX_FRAME_WORDS:
            builder = _Builder(policy, bounds, pairs, columns, memory)
            found[number, len(_MEMORIES)] = builder.fastest(stored, frame_words)
    return min(found.values(), key=lambda program: program.code.cycles)


class _Builder:
    """The operations of one program."""

    def __init__(
        self,
        policy: Policy,
        bounds: Sequence[LayerBounds],
        pairs: list[LanePair],
        code_pairs: list[tuple[int, int]],
        memory: int,
    ) -> None:
        self._policy, self._bounds, self._pairs, self._memory = policy, bounds, pairs, memory
        self._code_pairs = code_pairs
        self._weights = WeightWords()

    def fastest(self, stored: int, frame_words: int) -> Straight:
        """The program's code, in windows of the size that makes it fastest."""
        operations, given = self.program(stored, frame_words), {CODES: "r0", TABLE: _TABLE_REGISTER}
        codes = [allocate(operations, REGISTERS, given, _TABLE_REGISTER, loads) for loads in _WINDOW_LOADS]
        return Straight(min(codes, key=lambda code: code.cycles), frame_words)

    def program(self, stored: int, frame_words: int) -> list[Operation]:
        """All operations in order; the first `stored` layers write their activations to the stack."""
        policy, operations = self._policy, []
        values: Sequence[Value | Half] = plain.code_values(policy)
        free_word = 0
        for index in range(stored):
            if index == 0:
                values = self._first_layer(values, operations)
                operations.append(Operation(op.NOTHING, ends=(CODES,)))
                free_word = policy.layers[0].rows - len(self._pairs) + len(self._code_pairs)
                continue
            slots = plain.slots_of(policy.layers[index + 1], free_word)
            free_word += policy.layers[index].rows
            operations += self._layer(index, values, lambda job, slots=slots: plain.store(job[0], slots[job[0]]))
            values = slots
        operations += self._outputs(values, frame_words)
        return [self._weights.resolve(operation) for operation in operations]

    def _first_layer(self, codes: Sequence[Value], operations: list[Operation]) -> list[Value | Half]:
        """Append the first layer's operations; returns where its activations lie."""
        layer, rows = self._policy.layers[0], layer_rows(self._policy.layers[0], codes)
        words = self._code_words(codes, operations)
        paired = {row for pair in self._pairs for row in pair.rows}
        sums = [self._pair_sum(pair, rows, words) for pair in self._pairs]
        alone = [_with_halves(row, words) for row in rows if row.index not in paired]
        jobs = [pair.rows for pair in self._pairs] + [(row.index,) for row in alone]
        places = self._places(jobs)
        values: list[Value | Half] = [Memory("ldr", "sp", 0)] * layer.rows
        reads = [found.reads for found in sums] + [[_address(value) for value, _ in row.terms] for row in alone]
        for number in order_jobs(reads, self._memory):
            job, word = jobs[number], Memory("ldr", "sp", 4 * places[number])
            if len(job) == 1:
                values[job[0]] = word
                operations += self._rows(0, [alone[number - len(sums)]])
                operations += plain.store(job[0], word)
            else:
                values[job[0]], values[job[1]] = Half(word, False), Half(word, True)
                operations += self._pair(self._pairs[number], rows, sums[number], word)
        return values

    def _code_words(self, codes: Sequence[Value], operations: list[Operation]) -> list[tuple[Memory, Value, Value]]:
        """Append what puts two codes into one word each; returns the words behind those of the first layer."""
        words, first = [], self._policy.layers[0].rows - len(self._pairs)
        for number, (low, high) in enumerate(self._code_pairs):
            word, target = Memory("ldr", "sp", 4 * (first + number)), f"codes{number}"
            operations.append(Operation("pack new", target, (codes[low], codes[high]), (), True))
            operations.append(plain.store_accumulator(target, word))
            words.append((word, codes[low], codes[high]))
        return words

    def _pair_sum(self, pair: LanePair, rows: Sequence[Row], words: list[tuple[Memory, Value, Value]]) -> PairSum:
        low, high = ({value: w << pair.scale for value, w in rows[row].terms} for row in pair.rows)
        return pair_sum(low, high, words)

    def _places(self, jobs: list[tuple[int, ...]]) -> list[int]:
        """A stack word for each job, the most read ones nearest."""
        readers = np.count_nonzero(self._policy.layers[1].weights, axis=0)
        counts = np.array([sum(readers[row] for row in job) for job in jobs])
        return np.argsort(np.argsort(-counts, kind="stable")).tolist()

    def _outputs(self, values: Sequence[Value | Half], frame_words: int) -> Iterator[Operation]:
        output = self._policy.layers[-1]
        if not is_fused(self._policy):
            yield from self._layer(-1, values, lambda job: plain.write_output(job[0], output, frame_words))
            return
        for z, bias in enumerate(output.bias + plain.half(output)):
            yield _start(f"z{z}", int(bias))
        pairs = pair_readers(self._policy.layers[-2], output, [_address(value) for value in values])
        yield from self._layer(-2, values, self._into_outputs, pairs)
        for z, shift in enumerate(output.shifts):
            yield plain.requantise(f"z{z}", int(shift), output)
            yield from plain.write_output(z, output, frame_words, f"z{z}")

    def _into_outputs(self, rows: tuple[int, ...]) -> Iterator[Operation]:
        """Products of finished rows into the outputs: two at once where that pays for packing them first."""
        output, first = self._policy.layers[-1], name(rows[0])
        both = set(np.flatnonzero(output.weights[:, rows].all(axis=1)).tolist()) if len(rows) == 2 else set()
        both = both if len(both) > 1 and all(map(self._signed, rows)) else set()
        for row in rows:
            alone = [z for z in np.flatnonzero(output.weights[:, row]).tolist() if z not in both]
            yield from (self._into_output(z, row, int(output.weights[z, row])) for z in alone)
        if both:
            yield Operation("pack", first, (Accumulator(name(rows[1])),))
        for z in sorted(both):
            weights = TableWord(pack(*(int(output.weights[z, row]) for row in rows)))
            yield Operation("multiply both", f"z{z}", (Accumulator(first), weights))
        yield Operation(op.NOTHING, ends=tuple(name(row) for row in rows))

    def _signed(self, row: int) -> bool:
        """Whether the activation of `row` before the outputs is a positive signed 16-bit number."""
        return bool(self._bounds[-2].output.high[row] < 1 << 15)

    def _into_output(self, z: int, row: int, weight: int) -> Operation:
        source = Accumulator(name(row))
        if plain.is_power_of_two(weight) or not self._signed(row):
            return plain.accumulate(f"z{z}", source, weight)
        return self._multiply_half(f"z{z}", source, False, weight)

    def _layer(
        self,
        index: int,
        values: Sequence[Value | Half],
        finish: Callable[[tuple[int, ...]], Iterator[Operation]],
        pairs: Sequence[tuple[int, int]] = (),
    ) -> Iterator[Operation]:
        """The rows of a layer, those of `pairs` side by side, each pair or single row handed to `finish`."""
        rows = layer_rows(self._policy.layers[index], values)
        paired = {row for pair in pairs for row in pair}
        jobs = [*pairs, *((row.index,) for row in rows if row.index not in paired)]
        reads = [list(dict.fromkeys(_address(value) for row in job for value, _ in rows[row].terms)) for job in jobs]
        for number in order_jobs(reads, self._memory):
            yield from self._rows(index, [rows[row] for row in jobs[number]])
            yield from finish(jobs[number])

    def _rows(self, index: int, rows: Sequence[Row]) -> Iterator[Operation]:
        """Rows from their biases to their output codes, term by term together."""
        layer = self._policy.layers[index]
        terms: dict[Value, list[tuple[str, dict[bool | None, int]]]] = {}
        for row in rows:
            yield _start(name(row.index), row.bias)
            own: dict[Value, dict[bool | None, int]] = {}
            for value, weight in row.terms:
                own.setdefault(_address(value), {})[value.top if isinstance(value, Half) else None] = weight
            for address, weights in own.items():
                terms.setdefault(address, []).append((name(row.index), weights))
        for address, products in terms.items():
            yield from (self._products(target, address, weights) for target, weights in products)
        for row in rows:
            yield plain.requantise(name(row.index), int(layer.shifts[row.index]), layer)

    def _products(self, target: str, source: Value, weights: dict[bool | None, int]) -> Operation:
        """One word times the weight of one half, of both (SMLAD), or of the word as a whole (key None)."""
        if None in weights:
            return plain.accumulate(target, source, weights[None])
        if len(weights) == 2:
            return _multiply_both(target, source, weights[False], weights[True])
        ((top, weight),) = weights.items()
        return self._multiply_half(target, source, bool(top), weight)

    def _pair(self, pair: LanePair, rows: Sequence[Row], found: PairSum, word: Memory) -> Iterator[Operation]:
        """Two rows in one accumulator, from their biases to the word that holds both activations."""
        low, high = (rows[row] for row in pair.rows)
        target, upper = name(low.index), f"upper{low.index}"
        yield _start(target, _signed((low.bias << pair.scale) + (high.bias << pair.scale + 16) + _LANE_BIAS))
        yield from (_multiply_lanes(target, value, weight) for value, weight in found.together)
        yield from (self._multiply_half(target, value, False, weight) for value, weight in found.low)
        yield from (_multiply_both(target, *halves) for halves in found.low_halves)
        apart = [_multiply_both(upper, *halves) for halves in found.high_halves]
        apart += [self._multiply_half(upper, value, False, weight) for value, weight in found.high]
        if apart:
            yield replace(apart[0], kind=apart[0].kind + " new", starts=True)
            yield from apart[1:]
            yield Operation("add shifted", target, (Accumulator(upper),), (16,), ends=(upper,))
        yield Operation("lanes minus", target, (Constant(_LANE_BIAS),))
        yield from (Operation("double lanes", target) for _ in range(pair.doublings))
        if pair.bytewise:
            yield Operation("upper bytes", target)
        elif pair.shift:
            yield Operation("shift right logical", target, (), (pair.shift,))
            yield Operation("and", target, (Constant((0xFFFF >> pair.shift) * 0x0001_0001),))
        yield from plain.store(low.index, word)

    def _multiply_half(self, target: str, source: Value, top: bool, weight: int) -> Operation:
        word, weight_top = self._weights.place(weight)
        return Operation(f"multiply {'bt'[top]}{'bt'[weight_top]}", target, (source, word))


def _address(value: Value | Half) -> Value:
    return value.word if isinstance(value, Half) else value


def _with_halves(row: Row, words: Sequence[tuple[Memory, Value, Value]]) -> Row:
    """`row` with halves of `words` in place of values where it reads both halves."""
    read = {value for value, _ in row.terms}
    halves: dict[Value, Half] = {}
    for word, first, second in words:
        if {first, second} <= read:
            halves |= {first: Half(word, False), second: Half(word, True)}
    return replace(row, terms=tuple((halves.get(value, value), weight) for value, weight in row.terms))


def _multiply_both(target: str, word: Value, low: int, high: int) -> Operation:
    return Operation("multiply both", target, (word, TableWord(pack(low, high))))


def _multiply_lanes(target: str, value: Value, weight: int) -> Operation:
    """target += value * weight modulo 2**32, for a weight of both lanes."""
    magnitude = abs(weight)
    if plain.is_power_of_two(weight) or load_cost(magnitude) == 1:
        return plain.accumulate(target, value, weight)
    return Operation("mla" if weight > 0 else "mls", target, (value, TableWord(magnitude)))


def _start(target: str, bias: int) -> Operation:
    kind = op.SET if load_cost(bias) == 1 else op.SET_FROM_TABLE
    return Operation(kind, target, (), (bias,), True)


def _signed(word: int) -> int:
    """`word` modulo 2**32 as a signed number."""
    return (word + (1 << 31)) % (1 << 32) - (1 << 31)
