"""The build systems that a policy is exported for, as data: which template becomes which file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """What an exported folder says of itself: `version` (semantic, three numbers), `author` and `url`."""

    version: str = "1.0.0"
    author: str = "Unnamed <nobody@example.org>"
    url: str = "https://example.org"


@dataclass(frozen=True)
class Format:
    """One build system: its name for people, where the header goes, and {path: template}; both know {name}."""

    title: str
    header: str
    files: dict[str, str]


_ON_THE_HOST = {
    "example/main.c": "main.c.j2",
    "test/known_answers.c": "known_answers.c.j2",
    "src/library.c": "library.c.j2",
}

FORMATS = {
    "c": Format("plain C", "include/{name}.h", _ON_THE_HOST | {"Makefile": "c/Makefile.j2"}),
    "cmake": Format(
        "CMake",
        "include/{name}.h",
        _ON_THE_HOST | {"CMakeLists.txt": "cmake/CMakeLists.txt.j2", "config.cmake.in": "cmake/config.cmake.in.j2"},
    ),
    "arduino": Format(
        "Arduino",
        "src/{name}.h",
        {
            "library.properties": "arduino/library.properties.j2",
            "keywords.txt": "arduino/keywords.txt.j2",
            "examples/Infer/Infer.ino": "arduino/infer.ino.j2",
            "examples/KnownAnswers/KnownAnswers.ino": "arduino/known_answers.ino.j2",
        },
    ),
    "platformio": Format(
        "PlatformIO",
        "include/{name}.h",
        {
            "library.json": "platformio/library.json.j2",
            "examples/infer/main.c": "main.c.j2",
            "examples/known_answers/main.c": "known_answers.c.j2",
        },
    ),
    "zephyr": Format(
        "Zephyr",
        "include/{name}.h",
        {
            "zephyr/module.yml": "zephyr/module.yml.j2",
            "zephyr/CMakeLists.txt": "zephyr/CMakeLists.txt.j2",
            "zephyr/Kconfig": "zephyr/Kconfig.j2",
            "samples/infer/CMakeLists.txt": "zephyr/sample.cmake.j2",
            "samples/infer/prj.conf": "zephyr/prj.conf.j2",
            "samples/infer/sample.yaml": "zephyr/sample.yaml.j2",
            "samples/infer/src/main.c": "main.c.j2",
            "tests/known_answers/CMakeLists.txt": "zephyr/sample.cmake.j2",
            "tests/known_answers/prj.conf": "zephyr/prj.conf.j2",
            "tests/known_answers/testcase.yaml": "zephyr/testcase.yaml.j2",
            "tests/known_answers/src/main.c": "known_answers.c.j2",
        },
    ),
    "cmsis-pack": Format(
        "CMSIS-Pack",
        "include/{name}.h",
        {
            "Ganglion.{name}.pdsc": "cmsis_pack/package.pdsc.j2",
            "example/main.c": "main.c.j2",
            "test/known_answers.c": "known_answers.c.j2",
        },
    ),
    "esp-idf": Format(
        "ESP-IDF",
        "include/{name}.h",
        {
            "idf_component.yml": "esp_idf/idf_component.yml.j2",
            "CMakeLists.txt": "esp_idf/CMakeLists.txt.j2",
            "examples/infer/CMakeLists.txt": "esp_idf/project.cmake.j2",
            "examples/infer/main/CMakeLists.txt": "esp_idf/main.cmake.j2",
            "examples/infer/main/idf_component.yml": "esp_idf/example_component.yml.j2",
            "examples/infer/main/main.c": "esp_idf/main.c.j2",
        },
    ),
}
"""By the name that `ganglion export --as` takes."""
