import copy
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from ganglion.hil.cycles import CycleSample
from ganglion.hil.equality import check_equality
from ganglion.hil.observations import corner_observations
from ganglion.hil.page import render_page
from ganglion.hil.report import Build, ReportError, make_report, read_report, write_report
from ganglion.hil.rollout import rollout
from ganglion.hil.table import print_report, summary_rows
from tests.support.actors import hopper_actor
from tests.support.devices import Dying, OracleDevice, WrongOnce

FLASH = {"weights": 300, "indices": 200, "biases": 100, "tables": 90, "code": 310, "runtime": 2000, "total": 3000}
BUILD = Build("cortex-m4", "csr", "zig 0.15", "stm32f405", 250, FLASH, {"static": 640, "stack": 200})
NATIVE = Build("native", "csr")


@pytest.fixture(scope="module")
def actor(tmp_path_factory):
    return hopper_actor(tmp_path_factory.mktemp("actor"), quantised=2900.0)[1]


def measure(actor, device, build=BUILD, episodes=3):
    corners = check_equality(actor.policy, OracleDevice(actor.policy), corner_observations(actor.policy, 50))
    samples = [CycleSample(f"model:test,P={refill}", np.array([90, 91, 95]) + refill) for refill in (1, 3)]
    return make_report(actor, build, rollout(actor.policy, device, "Hopper-v4", episodes), corners, samples)


@pytest.fixture(scope="module")
def report(actor):
    return measure(actor, OracleDevice(actor.policy))


def test_what_the_report_says_is_what_was_measured(actor, report):
    policy = actor.policy
    assert report["actor"]["nnz"] == policy.nonzeros and report["actor"]["nnz_effective"] == 250
    assert report["reward"]["seeds"] == [0, 1, 2] and report["reward"]["episodes"] == 3
    assert report["reward"]["reference"]["returns"] == report["reward"]["device"]["returns"]
    assert report["reward"]["quantised"]["mean"] == 2900.0 and "float" not in report["reward"]
    steps = report["equality"]["closed_loop"]["inferences"]
    assert report["equality"]["inferences"] == steps + 50 and report["equality"]["mismatches"] == 0
    assert report["timing"]["cycles"]["min"] >= 100 and report["timing"]["cycles"]["max"] <= 106
    assert sum(report["timing"]["cycles_histogram"]["counts"]) == steps
    assert report["timing"]["latency_us"]["median"] == report["timing"]["cycles"]["median"], "at 1 MHz"
    assert [(end["source"], end["cycles"]["median"]) for end in report["timing"]["cycles_range"]] == [
        ("model:test,P=1", 92),
        ("model:test,P=3", 94),
    ]
    assert "partial" not in report


def test_energy_is_cycles_times_the_published_energy_of_one(actor):
    build = replace(BUILD, energy_per_cycle_nj=0.5, energy_source="typical, from a datasheet")
    report = measure(actor, OracleDevice(actor.policy), build)
    median = report["timing"]["cycles"]["median"]
    assert report["timing"]["energy_uj"] == {"value": round(median * 0.5e-3, 3), "source": "typical, from a datasheet"}
    assert not {"energy_per_cycle_nj", "energy_source"} & report["build"].keys()
    assert "energy_uj" not in measure(actor, OracleDevice(actor.policy))["timing"]


def test_other_flash_models_have_rows_of_their_own(actor):
    sources = [f"model:c,P={refill},ws=0" for refill in (1, 3)] + ["model:c,P=2,ws=5,slow"]
    samples = [CycleSample(source, np.array([100 + index])) for index, source in enumerate(sources)]
    device = OracleDevice(actor.policy)
    device.info = replace(device.info, cycles_source="model:c,P=2,ws=0")
    rows = summary_rows(make_report(actor, BUILD, rollout(actor.policy, device, "Hopper-v4", 1), None, samples))
    assert ("cycle model", "median from 100 (model:c,P=1,ws=0) to 101 (model:c,P=3,ws=0)") in rows
    assert ("flash model", "median 102 (model:c,P=2,ws=5,slow)") in rows


def test_compression_counts_every_byte_of_the_policy(actor, report):
    weights = 11 * 32 + 32 * 32 + 32 * 3
    compression = report["compression"]
    assert compression["dense_fp32_bytes"] == 4 * (weights + 32 + 32 + 3)
    assert compression["policy_flash_bytes"] == 1000
    assert compression["ratio"] == round(compression["dense_fp32_bytes"] / 1000, 2)
    assert compression["paper_ratio"] == round(4 * weights / actor.policy.nonzeros, 2)


def test_fields_that_do_not_apply_are_absent(actor):
    device = OracleDevice(actor.policy)
    device.info = type(device.info)("native", actor.policy.digest, "csr", None, None)
    report = measure(actor, device, NATIVE)
    assert report["build"] == {"target": "native", "kernel": "csr"}
    assert not {"timing", "compression", "partial"} & report.keys()
    assert "nnz_effective" not in report["actor"]
    assert "null" not in json.dumps(report)


def test_a_mismatch_is_told_with_its_exact_observation(actor):
    report = measure(actor, WrongOnce(actor.policy, at=2))
    (found,) = report["equality"]["first_mismatches"]
    assert (found["source"], found["episode"], found["step"]) == ("closed_loop", 0, 2)
    assert len(found["observation"]) == 11
    assert report["reward"]["reference"]["replayed"]


def test_a_stopped_rollout_is_labelled_partial(actor):
    report = measure(actor, Dying(actor.policy, at=3))
    assert report["partial"]["finished_episodes"] == 0 and report["partial"]["requested_episodes"] == 3
    assert report["partial"]["unfinished"]["steps"] == 3
    assert "did not answer" in report["partial"]["reason"]
    assert "reward" not in report, "an episode that did not end has no return"


def test_the_same_measurement_gives_the_same_bytes(actor, tmp_path):
    paths = [tmp_path / name for name in ("first.json", "second.json")]
    for path in paths:
        write_report(measure(actor, OracleDevice(actor.policy)), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    pages = [render_page(read_report(path)) for path in paths]
    assert pages[0] == pages[1]


def test_a_report_survives_the_file(report, tmp_path):
    write_report(report, tmp_path / "report.json")
    assert read_report(tmp_path / "report.json") == report
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such report"),
        ("{", "not a whole report"),
        ("{}", "required property"),
        ('{"version": 2}', "1 was expected|required property"),
    ],
)
def test_a_bad_report_file_is_a_clear_error(content, message, tmp_path):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ReportError, match=message):
        read_report(path)


def test_a_failed_write_leaves_the_old_report(report, tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    write_report(report, path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(report | {"actor": report["actor"] | {"algo": "other"}}, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag in ("script", "link", "img", "iframe", "object"):
            self.found.append(tag)
        self.found += [name for name, _ in attributes if name in ("src", "href", "srcset") or name.startswith("on")]


def test_the_page_is_self_contained_and_well_formed(report):
    page = render_page(report)
    links = _Links()
    links.feed(page)
    assert links.found == []
    assert "url(" not in page and "@import" not in page
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 3
    for drawing in drawings:
        ElementTree.fromstring(drawing)


def test_the_page_draws_one_bar_per_episode(report):
    page = render_page(report)
    for seed, value in zip(report["reward"]["seeds"], report["reward"]["device"]["returns"], strict=True):
        assert f"<title>seed {seed}: {value:,.1f}</title>" in page


def test_text_from_outside_is_escaped(report):
    hostile = copy.deepcopy(report)
    hostile["equality"]["device"] = "<script>alert(1)</script>"
    assert "<script>" not in render_page(hostile)


@pytest.mark.parametrize("device", [OracleDevice, lambda policy: WrongOnce(policy, 2), lambda policy: Dying(policy, 3)])
def test_table_and_page_tell_the_same_of_every_kind_of_report(actor, device):
    report = measure(actor, device(actor.policy))
    output = StringIO()
    print_report(report, Console(file=output, width=200))
    page = render_page(report)
    partial, different = "partial" in report, report["equality"]["mismatches"] > 0
    assert ("PARTIAL" in output.getvalue()) == ("Partial." in page) == partial
    assert ("MISMATCHES" in output.getvalue()) == ("Not equal." in page) == different
