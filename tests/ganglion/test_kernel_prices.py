"""What bare kernels cost: every one that a core can run, each equal to the oracle before it is counted."""

import pytest

from ganglion.codegen.actor import read_actor
from ganglion.codegen.passes import simplify
from ganglion.errors import UsageError
from ganglion.kernel_prices import Compiled, price_policy
from ganglion.pricing import MismatchError, cache, price_kernel, prices, target_of
from ganglion.selection import zoo_folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)


@pytest.fixture(scope="module")
def policy():
    return read_actor(zoo_folder() / "Swimmer-v4" / "distil-n23.safetensors").policy


def test_a_core_is_offered_what_it_can_run(policy):
    fast, small = price_policy(policy, "cortex-m4"), Compiled("cortex-m0plus")(policy)
    assert {price.kernel for price in fast.kernels} >= {"csr", "rows", "stream", "straight", "lanes"}
    assert "lanes" not in {price.kernel for price in small.kernels}
    assert fast.nonzeros == small.nonzeros == simplify(policy).nonzeros
    assert fast.fastest.cycles < small.fastest.cycles
    assert fast.smallest.bytes < fast.fastest.bytes


def test_a_kernel_that_is_wrong_has_no_price(policy, monkeypatch):
    monkeypatch.setattr(prices, "infer_codes", lambda policy, codes: codes)
    with pytest.raises(MismatchError, match="computes something else"):
        price_policy(policy, "cortex-m4")


def test_the_published_figures_of_the_smallest_hopper_come_out_again():
    """README.md, "How small can it get?": the fewest cycles and the fewest bytes."""
    policy = read_actor(zoo_folder() / "Hopper-v4" / "distil-n164.safetensors").policy
    target = target_of("cortex-m4")
    fast, small = (price_kernel(policy, target, kernel, "codes_only") for kernel in ("lanes", "stream"))
    assert (fast.cycles, fast.flash_bytes, small.flash_bytes) == (542, 1900, 594)
    whole = price_kernel(policy, target, "lanes")
    assert whole.cycles > fast.cycles and whole.flash_bytes > fast.flash_bytes, "float maps and known answers"


def test_cores_that_nothing_is_built_for_are_refused():
    with pytest.raises(UsageError, match=r"no target 'cortex-a53'; .*targets: cortex-m0"):
        Compiled("cortex-a53")
