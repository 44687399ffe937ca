"""The choice: the best by the goal within the limits, or an error that names the nearest and what it misses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.errors import UsageError
from ganglion.pricing.choice import GOALS, BudgetError, Limits, Refusal, choose, keep
from ganglion.pricing.prices import Price

FAST, MIDDLE, SMALL = Price("fast", 100, 9000, 50), Price("middle", 300, 2000, 40), Price("small", 5000, 1000, 900)
ALL = (FAST, MIDDLE, SMALL)

counts = st.integers(1, 10_000)
prices = st.lists(st.builds(Price, st.sampled_from("abcdef"), counts, counts, counts), min_size=1, max_size=12)
limits = st.builds(Limits, *3 * [st.none() | counts])


@pytest.mark.parametrize(("goal", "best"), [("cycles", FAST), ("flash", SMALL), ("balanced", MIDDLE)])
def test_a_goal_takes_what_is_best_by_it(goal, best):
    choice = choose(ALL, goal, Limits())
    assert choice.price == best
    assert choice.as_dict()["candidates"] == [vars(price) for price in ALL]


def test_a_limit_takes_the_next_best():
    choice = choose(ALL, "cycles", Limits(max_flash_bytes=8999))
    assert choice.price == MIDDLE
    assert choice.reason == "the fewest cycles within --max-flash 8,999"


def test_limits_are_inclusive():
    assert choose(ALL, "cycles", Limits(100, 9000, 50)).price == FAST


@given(prices, st.sampled_from(GOALS), limits)
@settings(max_examples=100)
def test_nothing_that_keeps_the_limits_is_better(candidates, goal, within):
    fitting = [price for price in candidates if not within.misses(price)]
    if not fitting:
        with pytest.raises(BudgetError, match="the nearest is"):
            choose(candidates, goal, within)
        return
    best = choose(candidates, goal, within).price
    score = {
        "cycles": lambda price: price.cycles,
        "flash": lambda price: price.flash_bytes,
        "balanced": lambda price: price.cycles * price.flash_bytes,
    }[goal]
    assert best in fitting and score(best) == min(map(score, fitting))


def test_limits_that_nothing_keeps_name_the_nearest_and_what_it_misses():
    with pytest.raises(BudgetError) as error:
        choose(ALL, "balanced", Limits(max_cycles=250, max_flash_bytes=1900))
    assert str(error.value).startswith(
        "nothing keeps --max-cycles 250 and --max-flash 1,900; the nearest is middle (300 cycles, 2,000 bytes of "
        "flash, 40 of RAM): 50 cycles over --max-cycles 250, 100 bytes of flash over --max-flash 1,900"
    )


def test_a_kernel_that_was_asked_for_is_held_against_the_limits():
    assert "keeps --max-ram 40" in keep(MIDDLE, Limits(max_ram_bytes=40)).reason
    with pytest.raises(BudgetError, match=r"middle .* was asked for and costs 1 bytes of RAM over --max-ram 39"):
        keep(MIDDLE, Limits(max_ram_bytes=39))


def test_no_candidate_says_why():
    with pytest.raises(BudgetError, match="no kernel can do this policy: straight: too wide"):
        choose([], "cycles", Limits(), [Refusal("straight", "too wide")])


@pytest.mark.parametrize("option", ["max_cycles", "max_flash_bytes", "max_ram_bytes"])
def test_a_limit_is_positive(option):
    with pytest.raises(UsageError, match="0: at least 1"):
        Limits(**{option: 0})
