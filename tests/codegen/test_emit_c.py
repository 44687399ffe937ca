"""The generated C computes what the oracle does, in every compiler here, without a warning and without a library."""

import itertools
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.codegen.actor import digest
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.reference import infer, infer_codes
from tests.support.c_code import STRICT, ZIG, Batch, c_compilers, compile_file, cpp_compilers, write_headers
from tests.support.nets import erk_net
from tests.support.policies import observations, random_policy
from tests.support.strategies import codes, policies

EXACT = ("-O2", "-std=gnu99")
STANDARDS = [
    *((compiler, "c99", False) for compiler in c_compilers()),
    *((compiler, "c++11", True) for compiler in cpp_compilers()),
]


def compiler_id(value) -> str:
    return "-".join(value[-3:]).replace("/usr/bin/", "").replace("-m-", "") if isinstance(value, tuple) else str(value)


def _random(index: int, head: str, observation_bits: int, hidden_bits: int):
    shape = (5 + index, 30, 20, 4)
    return random_policy(index, shape, 0.8, head, observation_bits, hidden_bits)


def _wide_layer(policy):
    weights = policy.layers[1].weights.astype(np.int16) * 100
    layers = (policy.layers[0], replace(policy.layers[1], weights=weights), *policy.layers[2:])
    return replace(policy, layers=layers)


def _vanished(policy):
    layers = (policy.layers[0], replace(policy.layers[1], weights=policy.layers[1].weights * 0), *policy.layers[2:])
    return replace(policy, layers=layers)


def _corner_policies():
    base = random_policy(shape=(6, 12, 10, 3), sparsity=0.5)
    yield _wide_layer(base)
    yield _vanished(base)
    yield random_policy(shape=(300, 270, 3), sparsity=0.99, hidden_bits=16)
    yield random_policy(shape=(300, 2), sparsity=0.0, observation_bits=16)
    yield random_policy(shape=(1, 1), sparsity=0.0, head="argmax")
    yield erk_net()


@pytest.fixture(scope="module")
def all_policies():
    kinds = itertools.product(("tanh", "clip", "argmax"), (8, 16), (8, 16))
    result = [_random(index, *kind) for index, kind in enumerate(kinds)] + list(_corner_policies())
    return [replace(policy, digest=digest(policy)) for policy in result]


@pytest.fixture(scope="module")
def plans(all_policies):
    return [compile_policy(policy, CompileOptions(f"p{i}")) for i, policy in enumerate(all_policies)]


@pytest.mark.parametrize("compiler", c_compilers(), ids=compiler_id)
def test_equal_to_the_oracle_for_every_kind_of_policy_in_one_program(compiler, all_policies, plans, tmp_path):
    batch = Batch(plans, tmp_path, compiler, *EXACT)
    for index, (policy, plan) in enumerate(zip(all_policies, plans, strict=True)):
        values = observations(policy, 300, index)
        expected = infer(policy, values)
        actions, status = batch.floats(plan, values)
        assert np.array_equal(actions.view(np.uint32), expected.actions.view(np.uint32))
        assert np.array_equal(status, expected.status)
        sample = codes(policy, index, 300)
        assert np.array_equal(batch.codes(plan, sample), infer_codes(policy, sample))
        assert batch.self_test(plan) == 0


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(policies(), st.integers(0, 2**32 - 1))
def test_equal_to_the_oracle_for_degenerate_policies(tmp_path_factory, policy, seed):
    plan = compile_policy(policy, CompileOptions("net"))
    batch = Batch([plan], tmp_path_factory.mktemp("c"), c_compilers()[0], "-O1", *STRICT)
    sample, values = codes(policy, seed), observations(policy, 50, seed)
    assert np.array_equal(batch.codes(plan, sample), infer_codes(policy, sample))
    assert np.array_equal(batch.floats(plan, values)[1], infer(policy, values).status)
    assert batch.self_test(plan) == 0


@pytest.mark.parametrize("flags", [("-march=native", "-O3"), ("-O0",)], ids=" ".join)
def test_contraction_and_optimisation_change_nothing(flags, all_policies, plans, tmp_path):
    batch = Batch(plans[:4], tmp_path, c_compilers()[0], "-std=gnu99", "-ffp-contract=fast", *flags)
    for policy, plan in zip(all_policies, plans[:4], strict=False):
        gain = np.float32(1) + policy.observation.gain
        values = (observations(policy, 2000) / gain).astype(np.float32)
        expected = infer(policy, values)
        actions, status = batch.floats(plan, values)
        assert np.array_equal(actions, expected.actions) and np.array_equal(status, expected.status)


@pytest.mark.parametrize(("compiler", "standard", "cpp"), STANDARDS, ids=compiler_id)
def test_strict_flags_and_no_undefined_symbols(compiler, standard, cpp, plans, tmp_path):
    plans = [plans[index] for index in (0, 5, 10, 12, 13, 14, 15, 16)]
    write_headers(plans, tmp_path)
    source = tmp_path / ("all.cpp" if cpp else "all.c")
    linkage = 'extern "C" ' if cpp else ""
    calls = "".join(
        f"{linkage}uint8_t run_{p.name}(const float *x, float *y);\n"
        f"{linkage}uint8_t run_{p.name}(const float *x, float *y)\n"
        f"{{ return {p.name}_self_test() ? 1 : {p.name}_infer(x, y); }}\n"
        for p in plans
    )
    source.write_text("".join(f'#include "{p.name}.h"\n' for p in plans) + calls)
    output = compile_file(compiler, source, tmp_path / "all.o", "-c", "-O2", f"-std={standard}", *STRICT)
    undefined = subprocess.run(("nm", "-u", str(output)), capture_output=True, text=True, check=True).stdout.split()
    assert set(undefined) - {"U", "_GLOBAL_OFFSET_TABLE_"} == set()


@pytest.mark.parametrize(("compiler", "standard", "cpp"), STANDARDS, ids=compiler_id)
def test_an_unused_header_is_no_warning_and_no_bytes(compiler, standard, cpp, plans, tmp_path):
    write_headers(plans[:2], tmp_path)
    source = tmp_path / ("unused.cpp" if cpp else "unused.c")
    source.write_text('#include "p0.h"\n#include "p1.h"\n#include "p0.h"\ntypedef int not_empty;\n')
    output = compile_file(compiler, source, tmp_path / "unused.o", "-c", "-O1", f"-std={standard}", *STRICT)
    symbols = subprocess.run(("nm", str(output)), capture_output=True, text=True, check=True).stdout
    assert "p0_" not in symbols


def test_without_floats_the_self_test_runs_on_codes(all_policies, plans, tmp_path):
    write_headers(plans[:1], tmp_path)
    source = tmp_path / "integers.c"
    source.write_text('#define P0_NO_FLOAT\n#include "p0.h"\nint main(void) { return p0_self_test(); }\n')
    target = ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0")
    output = compile_file(ZIG, source, tmp_path / "m0.o", "-c", "-O2", "-ffreestanding", *target, *STRICT)
    undefined = subprocess.run(("nm", "-u", str(output)), capture_output=True, text=True, check=True).stdout
    assert "__aeabi_f" not in undefined and "memcpy" not in undefined
    program = compile_file(c_compilers()[0], source, tmp_path / "integers", *STRICT)
    assert subprocess.run((program,)).returncode == 0


def test_the_self_test_notices_one_changed_weight(plans, tmp_path):
    plan = plans[0]
    text = plan.files["p0.h"]
    start = text.index("p0_bias2[")
    number = re.compile(r"-?\d+(?=,)").search(text, text.index("{", start))
    changed = text[: number.start()] + str((int(number[0]) + 100) % 128) + text[number.end() :]
    broken = replace(plan, files={**plan.files, "p0.h": changed})
    assert Batch([plan], tmp_path, c_compilers()[0]).self_test(plan) == 0
    other = tmp_path / "broken"
    other.mkdir()
    assert Batch([broken], other, c_compilers()[0]).self_test(plan) != 0


def test_fast_math_is_refused(plans, tmp_path):
    write_headers(plans[:1], tmp_path)
    source = tmp_path / "fast.c"
    source.write_text('#include "p0.h"\n')
    command = (*c_compilers()[0], "-ffast-math", "-c", str(source), "-o", str(tmp_path / "fast.o"))
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode and "without -ffast-math" in result.stderr


def test_only_what_the_head_needs_is_there(all_policies, plans):
    for policy, plan in zip(all_policies, plans, strict=True):
        text = plan.files[f"{plan.name}.h"]
        assert ("_tanh[" in text) == (policy.head.kind == "tanh")
        assert ("CLIP_SCALE" in text) == (policy.head.kind == "clip")
        assert ("_action_gain[" in text) == (policy.head.kind != "argmax")


def test_a_constant_policy_has_biases_only(plans):
    text = plans[13].files["p13.h"]
    assert plans[13].policy.nonzeros == 0
    assert "_weights" not in text and "_columns" not in text and "p13_bias2[3]" in text


def test_environment_names_cannot_break_out_of_the_text(hopper_like, tmp_path):
    policy = replace(hopper_like, env_id='Evil"*/ \\ ??/ \n int x; é')
    plan = compile_policy(replace(policy, digest=digest(policy)), CompileOptions("evil"))
    batch = Batch([plan], tmp_path, c_compilers()[0], "-std=c99", *STRICT)
    assert batch.self_test(plan) == 0


@pytest.mark.parametrize("hidden_bits", [8, 16])
def test_the_quoted_net_fits_4400_bytes_on_a_cortex_m4(hidden_bits, tmp_path):
    """Weights, indices, biases, tables and kernel code, as the ELF symbols say."""
    write_headers([compile_policy(erk_net(hidden_bits=hidden_bits), CompileOptions("net"))], tmp_path)
    source = tmp_path / "net.c"
    source.write_text(
        '#include "net.h"\nvoid run(const int8_t *x, int16_t *y);\n'
        "void run(const int8_t *x, int16_t *y) { net_infer_codes(x, y); }\n"
    )
    target = ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp", "-O2", "-ffreestanding")
    output = compile_file(ZIG, source, tmp_path / "net.o", "-c", *target)
    with output.open("rb") as file:
        symbols = list(ELFFile(file).get_section_by_name(".symtab").iter_symbols())
    sizes = {symbol.name: symbol["st_size"] for symbol in symbols if symbol.name.startswith("net_")}
    assert {"net_infer_codes", "net_weights0", "net_columns1", "net_rows1", "net_bias2", "net_tanh"} <= sizes.keys()
    assert 2000 < sum(sizes.values()) <= 4400
