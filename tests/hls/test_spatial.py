"""The simulated adder graphs are equal to the oracle and take exactly the clocks that their stages say."""

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.codegen import passes
from ganglion.hls.core.netlist import Netlist, Value
from ganglion.hls.core.spatial import spatial_design
from ganglion.hls.design import DesignError, rtl_source
from ganglion.hls.flow.tools import run_tool
from tests.support.policies import random_policy

from .measurements import zoo_policy
from .support import assert_design_equal, broad

pytest.importorskip("da4ml", reason="da4ml is not installed (pip install da4ml)")


def assert_equal(policy, adders_per_stage, folder, count=100, engine=None, shallow=False):
    assert_design_equal(policy, spatial_design(policy, adders_per_stage, shallow), folder, count, engine)


def test_one_adder_per_stage(tmp_path):
    assert_equal(random_policy(shape=(5, 12, 9, 4), sparsity=0.5), 1, tmp_path)


@broad
@pytest.mark.parametrize("head", ["tanh", "clip", "argmax"])
@pytest.mark.parametrize("adders_per_stage", [1, 3, 100])
def test_heads_and_stages(head, adders_per_stage, tmp_path):
    assert_equal(random_policy(shape=(5, 12, 9, 4), sparsity=0.5, head=head), adders_per_stage, tmp_path)


@broad
@pytest.mark.parametrize("observation_bits, hidden_bits", [(8, 16), (16, 8), (16, 16)])
def test_widths(observation_bits, hidden_bits, tmp_path):
    policy = random_policy(shape=(4, 9, 6, 2), sparsity=0.5, observation_bits=observation_bits, hidden_bits=hidden_bits)
    assert_equal(policy, 2, tmp_path)


@broad
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple),
    sparsity=st.floats(0, 0.9),
    head=st.sampled_from(["tanh", "clip", "argmax"]),
    adders_per_stage=st.integers(1, 5),
    shallow=st.booleans(),
)
def test_tiny_policies(seed, shape, sparsity, head, adders_per_stage, shallow, tmp_path):
    assert_equal(random_policy(seed, shape, sparsity, head), adders_per_stage, tmp_path, 40, shallow=shallow)


def test_a_shallow_design_takes_fewer_clocks_and_more_adders(tmp_path):
    policy = random_policy(shape=(8, 24, 16, 3), sparsity=0.5)
    small, shallow = spatial_design(policy, 2), spatial_design(policy, 2, shallow=True)
    adders = [design.files["ganglion_network.v"].count("ganglion_add ") for design in (small, shallow)]
    assert shallow.cycles < small.cycles and adders[0] < adders[1]
    assert_design_equal(policy, shallow, tmp_path, 100)


def test_more_adders_per_stage_take_fewer_cycles():
    policy = random_policy(shape=(6, 20, 2), sparsity=0.6)
    assert spatial_design(policy, 4).cycles < spatial_design(policy, 1).cycles


def test_the_same_policy_gives_the_same_bytes():
    policy = random_policy(shape=(6, 20, 2), sparsity=0.6)
    assert spatial_design(policy).checksum == spatial_design(policy).checksum


def test_a_stage_without_adders_is_refused():
    with pytest.raises(DesignError, match="at least 1"):
        spatial_design(random_policy(), 0)


def test_no_multiplier_is_written():
    text = spatial_design(random_policy(shape=(6, 20, 2), sparsity=0.6)).files["ganglion_network.v"]
    assert "*" not in text.replace("@*", "")


@given(
    low=st.integers(-1000, 1000), width=st.integers(0, 2000), shift_a=st.integers(0, 6), shift_b=st.integers(0, 6),
    negate_a=st.booleans(), negate_b=st.booleans(),
)  # fmt: skip
def test_intervals_hold_every_sum(low, width, shift_a, shift_b, negate_a, negate_b):
    a = Value("a", low, low + width, 0).scaled(shift_a).negated(negate_a)
    b = Value("b", -5, 9, 0).scaled(shift_b).negated(negate_b)
    total = Netlist(1).add(a, b)
    for x in (low, low + width):
        for y in (-5, 0, 9):
            real = (-x if negate_a else x) * 2**shift_a + (-y if negate_b else y) * 2**shift_b
            held = real / 2**total.exponent * (-1 if total.negative else 1)
            assert total.low <= held <= total.high
    assert -(2 ** (total.bits - 1)) <= total.low if total.signed else total.low >= 0
    assert total.high < 2 ** (total.bits - total.signed)


WIDE_BENCH = """
module bench;
    reg                clk = 1'b0;
    reg  signed [29:0] a, b;
    reg  [59:0]        cases [0:7];
    integer            i;

{lines}

    initial begin
        $readmemh("cases.hex", cases);
        for (i = 0; i < 8; i = i + 1) begin
            {{a, b}} = cases[i];
            #1 $display("%0d", {total});
        end
    end
endmodule
"""


@broad
def test_sums_of_more_than_32_bits_are_exact(tmp_path):
    limit, constant = 1 << 29, 3 << 36
    netlist = Netlist(100)
    a, b = (Value(name, -limit, limit - 1, 0) for name in "ab")
    total = netlist.add_constant(constant, netlist.add(a.scaled(9), b.scaled(6).negated(True)), exclusive=True)
    assert total.bits > 38
    pairs = [*product((-limit, limit - 1), repeat=2), (0, 0), (1, -1), (-12345678, 87654321), (limit // 3, -limit // 7)]
    words = [(x & (2 * limit - 1)) << 30 | y & (2 * limit - 1) for x, y in pairs]
    (tmp_path / "cases.hex").write_text("".join(f"{word:015x}\n" for word in words))
    (tmp_path / "bench.v").write_text(WIDE_BENCH.format(lines="\n".join(netlist.lines), total=total.name))
    (tmp_path / "add.v").write_text(rtl_source("ganglion_add"))
    run_tool(["iverilog", "-g2005", "-o", "bench.vvp", "bench.v", "add.v"], tmp_path, "iverilog.log")
    output = run_tool(["vvp", "-n", "bench.vvp"], tmp_path, "vvp.log")
    assert list(map(int, output.split())) == [(x << 9) - (y << 6) + constant for x, y in pairs]


@pytest.mark.long
def test_ten_thousand_observations_of_a_real_shape(tmp_path):
    policy = passes.simplify(random_policy(shape=(11, 256, 256, 3), sparsity=0.99))
    assert_equal(policy, 3, tmp_path, count=10_000, engine="verilator")


@pytest.mark.long
@pytest.mark.parametrize("actor", ["Hopper-v4/distil-n164", "Swimmer-v4/distil-n47"])
def test_ten_thousand_observations_of_the_zoo(actor, tmp_path):
    assert_equal(zoo_policy(actor), 3, tmp_path, count=10_000, engine="verilator")
