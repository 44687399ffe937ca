"""Every exported folder is complete: built where the tools are here, else held to the rules of its format."""

from __future__ import annotations

import ctypes
import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.export import FORMATS, ExportError, Package, export_plan
from ganglion.codegen.plan import PlanError, read_files, write_plan
from tests.support.policies import random_policy

PACKAGE = Package("2.3.4", "Ada Example <ada@example.org>", "https://example.org/policies")
ARDUINO_CATEGORIES = {
    "Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing", "Data Storage",
    "Data Processing", "Other",
}  # fmt: skip


@pytest.fixture(scope="module")
def plan():
    return compile_policy(random_policy(4, (5, 16, 2)), CompileOptions("half_cheetah"))


@pytest.fixture(scope="module")
def folders(plan, tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("exports")
    for form in FORMATS:
        write_plan(export_plan(plan, form, PACKAGE), root / form)
    return {form: root / form for form in FORMATS}


def run(command: list[str], folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("form", FORMATS)
def test_a_folder_explains_itself(form, folders, plan):
    folder = folders[form]
    readme = (folder / "README.md").read_text()
    files = set(read_files(folder))
    assert {"README.md", "LICENSE", FORMATS[form].header.format(name="half_cheetah")} < files
    for path in re.findall(r"^- `([^`]+)`", readme, re.MULTILINE):
        assert path in files or path == "plan.json"
    assert plan.policy.digest in readme
    assert (folder / "LICENSE").read_text().lstrip().startswith("Apache License")
    text = "".join((folder / path).read_text() for path in files - {"LICENSE"})
    assert "{{" not in text and "{%" not in text
    assert "half_cheetah_self_test" in "".join((folder / p).read_text() for p in files if p.endswith((".c", ".ino")))


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_input_gives_the_same_bytes_and_an_edited_folder_stays(form, plan, tmp_path):
    write_plan(export_plan(plan, form, PACKAGE), tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    write_plan(export_plan(plan, form, PACKAGE), tmp_path / "out")
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    readme = tmp_path / "out" / "README.md"
    readme.write_text(readme.read_text() + "my own words\n")
    with pytest.raises(PlanError, match="was changed"):
        write_plan(export_plan(plan, form), tmp_path / "out")
    assert readme.read_text().endswith("my own words\n")


@pytest.mark.skipif(not (shutil.which("make") and shutil.which("cc")), reason="make or cc is not installed")
def test_plain_c_builds_and_its_known_answers_come_out(folders, tmp_path):
    folder = shutil.copytree(folders["c"], tmp_path / "c")
    said = run(["make", "CFLAGS=-O1 -Werror -pedantic"], folder)
    assert "OK: 8 known answers of half_cheetah come out" in said
    assert re.search(r"^status 0, action( -?\d\.\d{6}){2}$", said, re.MULTILINE)
    run(["make", "policy.so"], folder)
    assert ctypes.CDLL(str(folder / "policy.so")).ganglion_library


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("cc")), reason="cmake or cc is not installed")
def test_cmake_builds_tests_installs_and_is_found(folders, tmp_path):
    folder = shutil.copytree(folders["cmake"], tmp_path / "cmake")
    prefix = tmp_path / "prefix"
    run(["cmake", "-B", "build", f"-DCMAKE_INSTALL_PREFIX={prefix}"], folder)
    run(["cmake", "--build", "build"], folder)
    assert "100% tests passed" in run(["ctest", "--test-dir", "build"], folder)
    run(["cmake", "--install", "build"], folder)
    user = tmp_path / "user"
    user.mkdir()
    shutil.copy(folder / "test/known_answers.c", user)
    (user / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(user C)\nfind_package(ganglion_half_cheetah 2.3 REQUIRED)\n"
        "add_executable(user known_answers.c)\ntarget_link_libraries(user PRIVATE ganglion::half_cheetah)\n"
    )
    run(["cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}"], user)
    run(["cmake", "--build", "build"], user)
    assert "OK: 8 known answers" in run([str(user / "build" / "user")], user)


def test_a_wrong_answer_fails_the_test_that_is_shipped(folders, tmp_path):
    folder = shutil.copytree(folders["c"], tmp_path / "c")
    header = folder / "include/half_cheetah.h"
    text = header.read_text()
    start = text.index("{", text.index("half_cheetah_known_actions[")) + 1
    first = text[start:].split(",")[0]
    header.write_text(text[:start] + text[start:].replace(first, f"\n    {int(first) ^ 1}", 1))
    result = subprocess.run(["make", "test"], cwd=folder, capture_output=True, text=True)
    assert result.returncode != 0 and "FAILED: known answer 1" in result.stdout


def test_arduino_follows_the_library_specification(folders):
    """https://docs.arduino.cc/arduino-cli/library-specification, revision 2.2."""
    folder = folders["arduino"]
    lines = (folder / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    needed = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"}
    assert needed <= properties.keys() and all(properties.values())
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.\-]{0,62}", properties["name"])
    assert not properties["name"].lower().startswith("arduino")
    assert re.fullmatch(r"\d+\.\d+\.\d+", properties["version"])
    assert properties["category"] in ARDUINO_CATEGORIES
    assert (folder / "src" / properties["includes"]).is_file()
    sketches = list(folder.glob("examples/*/*.ino"))
    assert len(sketches) == 2 and all(sketch.stem == sketch.parent.name for sketch in sketches)
    assert all(
        re.fullmatch(r"\S+\t(KEYWORD2|LITERAL1)", line) for line in (folder / "keywords.txt").read_text().splitlines()
    )


def test_platformio_follows_its_manifest(folders):
    """https://docs.platformio.org/en/latest/manifests/library-json."""
    folder = folders["platformio"]
    manifest = json.loads((folder / "library.json").read_text())
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", manifest["name"]) and len(manifest["name"]) <= 50
    assert (manifest["version"], manifest["license"]) == ("2.3.4", "Apache-2.0")
    assert len(manifest["description"]) <= 255
    assert all((folder / "include" / header).is_file() for header in manifest["headers"])
    for example in manifest["examples"]:
        assert all((folder / example["base"] / file).is_file() for file in example["files"])


def test_zephyr_is_a_module(folders):
    """https://docs.zephyrproject.org/latest/develop/modules.html."""
    folder = folders["zephyr"]
    module = yaml.safe_load((folder / "zephyr/module.yml").read_text())
    assert set(module) == {"name", "build", "samples", "tests"}
    assert (folder / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    kconfig = (folder / module["build"]["kconfig"]).read_text()
    (symbol,) = re.findall(r"^config (\w+)$", kconfig, re.MULTILINE)
    assert re.search(r"^\tbool \".+\"$", kconfig, re.MULTILINE)
    assert f"CONFIG_{symbol}" in (folder / "zephyr/CMakeLists.txt").read_text()
    for kind, name in (("samples", "sample.yaml"), ("tests", "testcase.yaml")):
        (application,) = [path.parent for path in (folder / kind).glob(f"*/{name}")]
        assert f"CONFIG_{symbol}=y" in (application / "prj.conf").read_text()
        assert yaml.safe_load((application / name).read_text())["tests"]
        assert (application / "src/main.c").is_file() and (application / "CMakeLists.txt").is_file()


def test_cmsis_pack_describes_what_is_there(folders):
    """https://open-cmsis-pack.github.io/Open-CMSIS-Pack-Spec/main/html/packFormat.html."""
    folder = folders["cmsis-pack"]
    package = ElementTree.parse(folder / "Ganglion.half_cheetah.pdsc").getroot()
    assert [child.tag for child in package][:4] == ["vendor", "name", "description", "url"]
    assert (package.findtext("vendor"), package.findtext("name")) == ("Ganglion", "half_cheetah")
    assert (folder / package.findtext("license")).is_file()
    assert package.find("releases/release").get("version") == "2.3.4"
    component = package.find("components/component")
    assert {"Cclass", "Cgroup", "Csub", "Cversion"} == set(component.keys()) and component.findtext("description")
    files = component.findall("files/file")
    assert {file.get("category") for file in files} == {"doc", "header", "sourceC"}
    assert all((folder / file.get("name")).is_file() for file in files)


def test_esp_idf_is_a_component(folders):
    """https://docs.espressif.com/projects/idf-component-manager/en/latest/reference/manifest_file.html."""
    folder = folders["esp-idf"]
    manifest = yaml.safe_load((folder / "idf_component.yml").read_text())
    assert (manifest["version"], manifest["license"], manifest["url"]) == ("2.3.4", "Apache-2.0", PACKAGE.url)
    assert "idf_component_register(INCLUDE_DIRS" in (folder / "CMakeLists.txt").read_text()
    main = folder / "examples/infer/main"
    (dependency,) = yaml.safe_load((main / "idf_component.yml").read_text())["dependencies"].values()
    assert (main / dependency["override_path"]).resolve() == folder.resolve()


@pytest.mark.parametrize(
    ("form", "package", "message"),
    [
        ("cmak", Package(), "did you mean 'cmake'"),
        ("c", Package(version="1.0"), "three numbers"),
        ("c", Package(version="01.0.0"), "three numbers"),
        ("c", Package(author='a"b'), "a name on one line"),
        ("c", Package(author="a\nb"), "a name on one line"),
        ("c", Package(url="example.org"), "begins with http"),
    ],
)
def test_what_fits_into_no_manifest_is_refused(form, package, message, plan):
    with pytest.raises(ExportError, match=message):
        export_plan(plan, form, package)
