"""The cycle model against sequences counted by hand from ARM's tables, one and more for each rule."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

import pytest

from ganglion.codegen.timing import (
    CoreError,
    InstructionSetError,
    TimingError,
    block_cycles,
    check_instruction_set,
    core_names,
    cycles_source,
    decode,
    instruction_count,
    load_core,
    load_flash_model,
    pair_cycles,
)
from ganglion.codegen.timing.core import FOLDER
from tests.support.assembly import assemble

FAR = 0x0800_4000
START = 0x0800_0000


@dataclass(frozen=True)
class Case:
    """`cycles` with P = 2; P = 3 takes `refills` more. `taken` leaves for FAR at the end."""

    name: str
    text: str
    cycles: int
    taken: bool = False
    refills: int = 0
    core: str = "cortex-m4"


CASES = [
    Case(
        "data processing is 1",
        "adds r0, r1, #1\nmovw r2, #1000\nlsls r3, r3, #2\nubfx r4, r5, #3, #4\nusat r0, #8, r1, asr #3",
        5,
    ),
    Case("moving to PC refills", "nop\nmov pc, lr", 1 + 3, True, 1),
    Case(
        "multiplies are 1",
        "mul r0, r1, r2\nmla r0, r1, r2, r3\nmls r0, r1, r2, r3\nsmull r0, r1, r2, r3\numlal r0, r1, r2, r3",
        5,
    ),
    Case("divisions take their most", "sdiv r0, r1, r2\nudiv r3, r4, r5", 24),
    Case(
        "DSP instructions are 1",
        "smlad r0, r1, r2, r3\nuqsub16 r0, r1, r2\nsmmulr r0, r1, r2\npkhbt r0, r1, r2\nuxtab r0, r1, r2",
        5,
    ),
    Case("a load is 2", "ldr r0, [r1]", 2),
    Case("loads in a row are pipelined", "ldr r0, [r1]\nldrb r2, [r3, r4]\nldrsh r5, [r6, #2]", 2 + 1 + 1),
    Case("a load whose address was loaded is not", "ldr r1, [r0]\nldr r2, [r1]", 2 + 2),
    Case("a written-back base is no loaded register", "ldr r0, [r1], #4\nldr r2, [r1], #4", 2 + 1),
    Case("a store behind a load is pipelined", "ldr r0, [r1, r2]\nstr r1, [r3, r2]", 3),
    Case("a store with an immediate offset is 1", "str r0, [r1, #4]\nstrb r0, [r1]\nstrh r0, [r1, #4]!", 3),
    Case("a store with a register offset is 2", "str r0, [r1, r2]\nstrb r0, [r1, r2]", 4),
    Case("nothing is pipelined behind a store", "str r0, [r1]\nldr r2, [r3]", 1 + 2),
    Case("loading PC refills", "ldr pc, [r0]", 2 + 2, True, 1),
    Case("exclusives are as loads", "ldrex r0, [r1]\nstrex r2, r0, [r3]", 2 + 1),
    Case("a lone exclusive store is 2", "nop\nstrex r2, r0, [r3]", 1 + 2),
    Case(
        "double and multiple transfers are 1 + N",
        "ldrd r0, r1, [r2]\nldm r3, {r4-r7}\npush {r0-r2, lr}\nstm r3!, {r4}",
        3 + 5 + 5 + 2,
    ),
    Case("they are not pipelined behind a load", "ldr r0, [r1]\nldrd r2, r3, [r4]\nldr r5, [r6]", 2 + 3 + 2),
    Case("popping PC refills", "pop {r4-r7, pc}", 1 + 5 + 2, True, 1),
    Case("an address from the ALU stalls", "adds r1, r1, #4\nldr r0, [r1]", 1 + 2 + 1),
    Case("also for a store", "adds r1, r1, #4\nstr r0, [r1]", 1 + 1 + 1),
    Case(
        "also for the offset and for the stack",
        "lsls r2, r2, #1\nldr r0, [r1, r2]\nsub sp, #8\npush {r0}",
        1 + 3 + 1 + 3,
    ),
    Case("not when a load stands between", "adds r1, r1, #4\nldr r2, [r3]\nldr r0, [r1]", 1 + 2 + 1),
    Case("stored data from the ALU do not stall", "adds r0, r0, #4\nstr r0, [r1]", 2),
    Case("a taken branch is 1 + P", "nop\nbeq far", 1 + 3, True, 1),
    Case("a branch not taken is 1", "nop\nbeq far", 2),
    Case("calls and returns are 1 + P", "bl far", 3, True, 1),
    Case("bx is 1 + P", "bx lr", 3, True, 1),
    Case("cbz not taken is 1", "nop\n.short 0xb110", 2),
    Case("cbz taken is 1 + P", ".short 0xb110", 3, True, 1),
    Case("a table branch is 2 + P", "tbb [pc, r0]", 4, True, 1),
    Case("IT is 1 and its instructions count", "it eq\naddeq r0, r0, r1", 2),
    Case("a conditional return not taken is 1", "it ne\nbxne lr", 2),
    Case("a conditional return taken refills", "it ne\nbxne lr", 1 + 3, True, 1),
    Case("system registers take their most", "mrs r0, primask\nmsr control, r0\ncpsid i", 6),
    Case("hints are 1", "nop\nsev\nclrex\nwfi\nwfe", 5),
    Case("barriers wait for nothing but the pipeline", "dmb\ndsb\nisb", 1 + 1 + 3, False, 1),
    Case("floating-point arithmetic is 1", "vadd.f32 s0, s1, s2\nvmul.f32 s3, s4, s5\nvcvt.s32.f32 s6, s7", 3),
    Case("its result is one cycle late", "vadd.f32 s0, s1, s2\nvmul.f32 s3, s0, s4", 1 + 2),
    Case("also for a move to the core", "vadd.f32 s0, s1, s2\nvmov r0, s0", 1 + 2),
    Case("but not as an addend", "vmul.f32 s0, s1, s2\nvfma.f32 s0, s3, s4", 1 + 3),
    Case("as a factor it is late", "vmul.f32 s3, s1, s2\nvfma.f32 s0, s3, s4", 1 + 4),
    Case(
        "compare, negate, absolute are 1", "vcmp.f32 s0, s1\nvmrs apsr_nzcv, fpscr\nvneg.f32 s2, s3\nvabs.f32 s4, s5", 4
    ),
    Case("multiply-accumulate is 3", "vmla.f32 s0, s1, s2\nvfms.f32 s3, s4, s5", 6),
    Case("divide and square root are 14", "vdiv.f32 s0, s1, s2\nvsqrt.f32 s3, s4", 28),
    Case("moves are 1, of two words 2", "vmov s0, r0\nvmov.f32 s1, #1.0\nvmov r0, r1, s2, s3", 1 + 1 + 2),
    Case(
        "floating-point transfers are 1 + N words",
        "vldr s0, [r0]\nvldr d1, [r0]\nvldmia r0!, {s4-s7}\nvpush {d8-d9}",
        2 + 3 + 5 + 5,
    ),
    Case(
        "the M3 multiplies and accumulates in 2",
        "mul r0, r1, r2\nmla r0, r1, r2, r3\numull r0, r1, r2, r3\nsmlal r0, r1, r2, r3",
        1 + 2 + 5 + 7,
        core="cortex-m3",
    ),
    Case(
        "the M3 pipelines loads",
        "ldr r0, [r1]\nldr r2, [r3]\nadds r4, #4\nldr r5, [r4]",
        2 + 1 + 1 + 3,
        core="cortex-m3",
    ),
    Case(
        "the M0+ does not pipeline",
        "ldr r0, [r1]\nldr r2, [r3]\nstr r0, [r1, r2]\nadds r4, #4\nldr r5, [r4]",
        2 + 2 + 2 + 1 + 2,
        core="cortex-m0plus",
    ),
    Case("the M0+ branches in 2", "nop\nbeq far", 1 + 2, True, core="cortex-m0plus"),
    Case("the M0+ calls in 3", "bl far", 3, True, core="cortex-m0plus"),
    Case("the M0+ pops PC in 3 + N", "pop {r4-r7, pc}", 3 + 5, True, core="cortex-m0plus"),
    Case(
        "the M0+ pushes in 1 + N and multiplies in 1",
        "push {r4-r7, lr}\nmuls r0, r1, r0\nldm r0!, {r1-r3}\nmrs r0, primask\ndsb",
        6 + 1 + 4 + 3 + 3,
        core="cortex-m0plus",
    ),
    Case("the M0+ moves to PC in 2", "nop\nmov pc, lr", 1 + 2, True, core="cortex-m0plus"),
    Case("the M0+ stores in 2", "str r0, [r1, #4]\nstrb r0, [r1]\nstrh r0, [r1, #2]", 6, core="cortex-m0plus"),
    Case("hints of the M0+ are 1, sleeping 2", "nop\nsev\nyield\ncpsid i\nwfi\nwfe", 4 + 2 + 2, core="cortex-m0plus"),
    Case(
        "the M0 computes in 1",
        "adds r0, r1, #1\nlsls r3, r3, #2\nuxtb r0, r1\nrev r0, r1\ncmp r0, r1",
        5,
        core="cortex-m0",
    ),
    Case("the M0 branches in 3", "nop\nbeq far", 1 + 3, True, core="cortex-m0"),
    Case("the M0 does not branch in 1", "nop\nbeq far", 1 + 1, core="cortex-m0"),
    Case("the M0 moves to PC in 3", "nop\nmov pc, lr", 1 + 3, True, core="cortex-m0"),
    Case("the M0 calls in 4", "bl far", 4, True, core="cortex-m0"),
    Case("the M0 returns in 3", "bx lr", 3, True, core="cortex-m0"),
    Case("the M0 pops PC in 4 + N", "pop {r4-r7, pc}", 4 + 5, True, core="cortex-m0"),
    Case(
        "the M0 loads, stores and multiplies as the M0+",
        "push {r4-r7, lr}\nmuls r0, r1, r0\nldr r0, [r1]\nldr r2, [r3]\nstr r0, [r1, r2]\nstr r0, [r1]\nldm r0!, {r1}",
        6 + 1 + 2 + 2 + 2 + 2 + 2,
        core="cortex-m0",
    ),
    Case(
        "system registers and barriers of the M0 take 4",
        "mrs r0, primask\nmsr primask, r0\ndmb\ndsb\nisb",
        20,
        core="cortex-m0",
    ),
    Case("hints of the M0 are 1, sleeping 2", "nop\nsev\nyield\ncpsid i\nwfi\nwfe", 4 + 2 + 2, core="cortex-m0"),
    Case(
        "the M3 computes in 1",
        "adds r0, r1, #1\nmovw r2, #1000\nubfx r4, r5, #3, #4\nusat r0, #8, r1, asr #3\nclz r0, r1",
        5,
        core="cortex-m3",
    ),
    Case("the M3 refills behind a move to PC", "nop\nmov pc, lr", 1 + 3, True, 1, core="cortex-m3"),
    Case("divisions of the M3 take their most", "sdiv r0, r1, r2\nudiv r3, r4, r5", 24, core="cortex-m3"),
    Case("the M3 refills behind a load of PC", "ldr pc, [r0]", 2 + 2, True, 1, core="cortex-m3"),
    Case("the M3 stores in 1 or 2", "str r0, [r1, #4]\nstrb r0, [r1, r2]", 1 + 2, core="cortex-m3"),
    Case("a store of the M3 behind a load is 1", "ldr r0, [r1, r2]\nstr r1, [r3, r2]", 2 + 1, core="cortex-m3"),
    Case("exclusives of the M3 are as loads", "ldrex r0, [r1]\nstrex r2, r0, [r3]", 2 + 1, core="cortex-m3"),
    Case(
        "transfers of the M3 are 1 + N",
        "ldrd r0, r1, [r2]\nldm r3, {r4-r7}\npush {r0-r2, lr}",
        3 + 5 + 5,
        core="cortex-m3",
    ),
    Case("the M3 refills behind a pop of PC", "pop {r4-r7, pc}", 1 + 5 + 2, True, 1, core="cortex-m3"),
    Case("branches of the M3 are 1 + P", "nop\nbeq far", 1 + 3, True, 1, core="cortex-m3"),
    Case("a branch of the M3 not taken is 1", "nop\nbeq far", 2, core="cortex-m3"),
    Case("table branches of the M3 are 2 + P", "tbb [pc, r0]", 4, True, 1, core="cortex-m3"),
    Case("IT of the M3 is 1", "it eq\naddeq r0, r0, r1", 2, core="cortex-m3"),
    Case("system registers of the M3 are 2", "mrs r0, primask\nmsr control, r0\ncpsid i", 6, core="cortex-m3"),
    Case("hints and barriers of the M3 are 1", "nop\nsev\nclrex\nwfi\nwfe\ndmb\ndsb", 7, core="cortex-m3"),
    Case("ISB of the M3 refills", "nop\nisb", 1 + 3, False, 1, core="cortex-m3"),
    *(
        Case(
            f"the {core} is estimated as the M4",
            ".cpu cortex-m7\n.fpu fpv5-d16\nvmaxnm.f32 s0, s1, s2\nvmul.f32 s3, s0, s1\nldr r0, [r1]\nldr r2, [r3]\n"
            "smlad r0, r1, r2, r3\n.cpu cortex-m4\n.fpu fpv4-sp-d16",
            1 + 2 + 2 + 1 + 1,
            core=core,
        )
        for core in ("cortex-m7", "cortex-m33")
    ),
]


@cache
def machine_code() -> dict[str, bytes]:
    return {case.name: code for case, code in zip(CASES, assemble([case.text for case in CASES]), strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_rule_gives_the_cycles_counted_by_hand(case: Case) -> None:
    code, core = machine_code()[case.name], load_core(case.core)
    following = FAR if case.taken else START + len(code)
    assert block_cycles(code, START, following, core) == case.cycles
    if len(core.refill_cycles) > 1:
        assert block_cycles(code, START, following, core, refill=3) == case.cycles + case.refills
        assert block_cycles(code, START, following, core, refill=1) == case.cycles - case.refills


@pytest.mark.parametrize("name", [name for name in core_names() if not load_core(name).estimate])
def test_every_rule_is_exercised_by_a_sequence(name: str) -> None:
    core = load_core(name)
    seen = {
        id(core.rules[item.mnemonic, item.form])
        for case in CASES
        if case.core == core.name
        for item in decode(machine_code()[case.name], START)
    }
    missing = {rule.source for rule in core.rules.values() if id(rule) not in seen}
    assert not missing


@pytest.mark.parametrize("name", core_names())
def test_a_core_is_known_by_the_architecture_of_its_table(name: str) -> None:
    cores = tomllib.loads((FOLDER / "instruction_sets.toml").read_text(encoding="utf-8"))["cores"]
    assert cores[name] == load_core(name).architecture


@pytest.mark.parametrize("name", core_names())
def test_every_rule_cites_its_section(name: str) -> None:
    core = load_core(name)
    sources = [rule.source for rule in core.rules.values()] + [pair.source for pair in core.pairs.values()]
    assert all(source.startswith(("table", "section")) for source in sources)
    assert "TRM" in core.manual


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_line_costs_the_same_wherever_it_is_cut(cut: int) -> None:
    text = "ldr r0, [r1]\nldr r2, [r3]\nadds r4, #4\nstr r0, [r4]\nvadd.f32 s0, s1, s2\nvmul.f32 s3, s0, s4"
    (code,), core = assemble([text]), load_core("cortex-m4")
    whole = decode(code, START)
    at = whole[cut].address - START
    parts = block_cycles(code[:at], START, START + at, core) + block_cycles(
        code[at:], START + at, START + len(code), core
    )
    assert parts + pair_cycles(whole[cut - 1], whole[cut], core) == block_cycles(code, START, START + len(code), core)


def test_an_instruction_without_a_rule_is_named() -> None:
    (code,) = assemble(["nop\nsvc #0"])
    with pytest.raises(TimingError, match=r"cortex-m4 has no timing rule for svc.*0x08000002"):
        block_cycles(code, START, START + 4, load_core("cortex-m4"))


@pytest.mark.parametrize("text, following", [("nop", FAR), ("bx lr\nnop", START + 4), ("", START)])
def test_what_is_no_basic_block_is_refused(text: str, following: int) -> None:
    (code,) = assemble([text])
    with pytest.raises(TimingError):
        block_cycles(code, START, following, load_core("cortex-m4"))


def test_refill_cycles_outside_of_the_cores_range_are_refused() -> None:
    with pytest.raises(CoreError, match="allowed: 1, 2, 3"):
        load_core("cortex-m4").refill(4)
    with pytest.raises(CoreError, match="did you mean 'cortex-m4'"):
        load_core("cortex-m4f")


def test_instructions_are_counted() -> None:
    (code,) = assemble(["nop\nldrd r0, r1, [r2]\nit eq\naddeq r0, r0, r1"])
    assert instruction_count(code, START) == 4


@pytest.mark.parametrize(
    "text, cores",
    [
        ("adds r0, r1, #1\nldr r0, [r1]\nbl far\nmrs r0, primask", {"m0", "m0plus", "m3", "m33", "m4", "m7"}),
        ("sdiv r0, r1, r2", {"m3", "m33", "m4", "m7"}),
        ("cbz r0, 1f\nnop\n1:nop\nmovw r0, #1000", {"m3", "m33", "m4", "m7"}),
        ("ldr.w r0, [r1, #8]", {"m3", "m33", "m4", "m7"}),
        ("it eq\naddeq r0, r1", {"m3", "m33", "m4", "m7"}),
        ("smlad r0, r1, r2, r3", {"m33", "m4", "m7"}),
        ("vadd.f32 s0, s1, s2", {"m33", "m4", "m7"}),
        (".cpu cortex-m7\n.fpu fpv5-d16\nvadd.f64 d0, d1, d2\n.cpu cortex-m4\n.fpu fpv4-sp-d16", set()),
        (".cpu cortex-m7\n.fpu fpv5-d16\nvmaxnm.f32 s0, s1, s2\n.cpu cortex-m4\n.fpu fpv4-sp-d16", {"m33", "m7"}),
    ],
)
def test_an_instruction_passes_only_on_cores_that_have_it(text: str, cores: set[str]) -> None:
    (code,) = assemble([text])
    accepted = set()
    for name in core_names():
        try:
            check_instruction_set(code, load_core(name), START)
            accepted.add(name)
        except InstructionSetError as error:
            assert name in str(error) and "0x080000" in str(error)
    assert accepted == {f"cortex-{core}" for core in cores}


def test_a_table_says_whether_it_is_an_estimate() -> None:
    flash = load_flash_model("zero-wait")
    sources = {name: cycles_source(load_core(name), 2, flash) for name in core_names() if name != "cortex-m0plus"}
    assert sources["cortex-m0"] == "model:cortex-m0,P=2,ws=0"
    assert sources["cortex-m7"] == "estimate:cortex-m7,P=2,ws=0"
    assert sources["cortex-m33"] == "estimate:cortex-m33,P=2,ws=0"
    assert {name for name, source in sources.items() if source.startswith("estimate")} == {"cortex-m7", "cortex-m33"}


def test_own_rules_go_before_those_of_the_base() -> None:
    own, base = load_core("cortex-m0"), load_core("cortex-m0plus")
    changed = {key for key in base.rules if own.rules[key] is not base.rules[key]}
    assert changed == {(name, "") for name in ("mrs", "msr", "dmb", "dsb", "isb")}
    assert own.rules.keys() == base.rules.keys()
