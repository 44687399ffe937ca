"""What bare kernels cost: every one that a core can run, each equal to the oracle before it is counted."""

import pytest

from ganglion import kernel_prices
from ganglion.codegen.actor import read_actor
from ganglion.codegen.passes import simplify
from ganglion.errors import UsageError
from ganglion.kernel_prices import Compiled, MismatchError, price_policy
from ganglion.selection import zoo_folder


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
    monkeypatch.setattr(kernel_prices, "infer_codes", lambda policy, codes: codes)
    with pytest.raises(MismatchError, match="computes something else"):
        price_policy(policy, "cortex-m4")


def test_cores_that_nothing_is_built_for_are_refused():
    with pytest.raises(UsageError, match="'cortex-a53'; cores: cortex-m0plus, cortex-m3, cortex-m4"):
        Compiled("cortex-a53")
