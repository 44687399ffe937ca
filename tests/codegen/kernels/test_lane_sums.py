"""Products of two rows in one accumulator: every split into groups is the same sum, on packed codes too."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bench.nets import erk_net
from ganglion.codegen.kernels.lane_sums import pair_columns, pair_sum
from ganglion.codegen.reference import infer_codes
from ganglion.codegen.thumb.matching import FORBIDDEN, match
from ganglion.codegen.thumb.operation import Memory
from ganglion.firmware.emulator.call import Caller
from tests.support import kernel_runs
from tests.support.kernel_cases import corner_codes

CODES = [Memory("ldrsb.w", "codes", number) for number in range(6)]
WORDS = [(Memory("ldr", "sp", 4 * number), CODES[2 * number], CODES[2 * number + 1]) for number in range(3)]
weights = st.integers(-(1 << 15), (1 << 15) - 1).filter(bool)
rows = st.dictionaries(st.sampled_from(CODES), weights)


@given(low=rows, high=rows, values=st.lists(st.integers(-128, 127), min_size=6, max_size=6))
def test_the_groups_add_up_to_both_rows(low, high, values):
    value = dict(zip(CODES, values, strict=True))
    halves = {word: (value[first], value[second]) for word, first, second in WORDS}
    found = pair_sum(low, high, WORDS)

    def total(singles, words):
        alone = sum(value[code] * weight for code, weight in singles)
        return alone + sum(halves[word][0] * first + halves[word][1] * second for word, first, second in words)

    lanes = total(found.together, ()) + total(found.low, found.low_halves)
    lanes += total(found.high, found.high_halves) << 16
    expected = total(low.items(), ()) + (total(high.items(), ()) << 16)
    assert (lanes - expected) % (1 << 32) == 0
    assert set(found.reads) <= {*low, *high, *(word for word, _, _ in WORDS)}


def test_a_word_of_a_row_of_its_own_is_one_multiplication():
    found = pair_sum({CODES[0]: 3, CODES[1]: 5}, {CODES[2]: 7, CODES[3]: 9}, WORDS)
    assert [len(found.low_halves), len(found.high_halves), len(found.together)] == [1, 1, 0]


def test_columns_that_few_rows_read_together_stay_apart():
    sparse = erk_net((12, 40, 3), 0.98).layers[0]
    assert not pair_columns(sparse)
    assert pair_columns(erk_net((12, 40, 3), 0.3, block=(1, 2)).layers[0])


@given(st.integers(0, 2**32 - 1), st.integers(0, 7))
def test_matching_is_near_the_best(seed, count):
    rng = np.random.default_rng(seed)
    score = rng.integers(-3, 20, (count, count)).astype(float)
    score = np.where(rng.random((count, count)) < 0.2, FORBIDDEN, score)
    score = np.triu(score, 1) + np.triu(score, 1).T
    pairs = match(score)
    assert len({index for pair in pairs for index in pair}) == 2 * len(pairs)
    assert all(a < b and score[a, b] != FORBIDDEN for a, b in pairs)
    assert sum(score[pair] for pair in pairs) >= 0.8 * _best(score, tuple(range(count)))


def _best(score: np.ndarray, left: tuple[int, ...]) -> float:
    """The largest total of disjoint pairs, by trying them all."""
    found = [0.0]
    for a, b in combinations(left, 2):
        if score[a, b] > 0:
            found.append(score[a, b] + _best(score, tuple(index for index in left if index > a and index != b)))
    return max(found)


def test_masks_of_blocks_are_equal_to_the_oracle(tmp_path):
    nets = {
        f"n{rows}_{bits}": erk_net((13, 30, 22, 3), 0.7, hidden_bits=bits, block=(rows, 2))
        for rows in (1, 2)
        for bits in (8, 16)
    }
    elf, plans = kernel_runs.build(nets, "lanes", tmp_path)
    with Caller(elf) as caller:
        for plan in plans:
            sample = corner_codes(nets[plan.name], 200)
            found = kernel_runs.infer_codes(caller, plan, sample)
            assert np.array_equal(found, infer_codes(nets[plan.name], sample))
            assert "smlad" in plan.files[f"{plan.name}.h"] and "pkhbt" in plan.files[f"{plan.name}.h"]
