"""Compares deployed functions and layers with built zips: same content, same line, same Python and architecture."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from org_common.lifecycle.build import FUNCTION, STAMP
from org_common.tools.doctor.deployed import Function, Layer
from org_common.tools.doctor.finding import Finding

STAMP_BEGIN, STAMP_END = STAMP.split("{}")


@dataclass(frozen=True)
class Built:
    """A zip in a build folder."""

    file: Path
    part: str
    """The layer's name, or "function"."""
    line: str
    """Version and hash that a function and its layers must have in common."""
    target: str
    """Python and architecture: "python3.13 arm64"."""
    sha256: str
    """As AWS reports it: Base64."""


def read(folder: Path) -> list[Built]:
    """The zips in a folder that org-common has built; other files are ignored."""
    return [built for file in sorted(folder.glob("*.zip")) if (built := _read(file)) is not None]


def check_versions(functions: Sequence[Function]) -> Iterator[Finding]:
    """Functions that use an older version of a layer than others do."""
    users: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for function in functions:
        for layer in function.layers:
            users[layer.name][layer.version].append(function.name)
    for name, versions in sorted(users.items()):
        if len(versions) < 2:
            continue
        newest = max(versions, key=lambda version: int(version) if version.isdigit() else 0)
        for version, names in sorted(versions.items()):
            if version != newest:
                yield Finding(
                    "build.layer",
                    ", ".join(names),
                    f"uses version {version} of the layer {name}, other functions use {newest}",
                    f"deploy it with {name}:{newest}",
                )


def check_builds(
    functions: Sequence[Function], built: Sequence[Built], zips: Mapping[str, str], layers: Mapping[Layer, str | None]
) -> Iterator[Finding]:
    """Functions and layers that differ from the build.

    `zips` are the names of the zips by function, `layers` the sha256 of each layer as AWS reports it.
    """
    by_sha256 = {build.sha256: build for build in built}
    layer_names = {build.part for build in built} - {FUNCTION}
    for function in functions:
        deployed = by_sha256.get(function.code_sha256)
        expected = next((build for build in built if build.file.stem == zips.get(function.name)), None)
        if expected is not None and deployed is None:
            yield Finding(
                "build.function",
                function.name,
                f"differs from the built {expected.file.name} (line {expected.line})",
                f"deploy {expected.file.name}, or build the version that is deployed",
            )
        for layer in function.layers:
            layer_build = by_sha256.get(layers.get(layer) or "")
            if layer_build is None:
                if any(f"org-common-{part}" in layer.name for part in layer_names):
                    yield Finding(
                        "build.layer",
                        function.name,
                        f"its layer {layer.name}:{layer.version} is not in the build folder",
                        "publish the built layer, and deploy the function with it",
                    )
                continue
            yield from _layer_mismatches(function, layer, layer_build, deployed)


def _layer_mismatches(
    function: Function, layer: Layer, layer_build: Built, deployed: Built | None
) -> Iterator[Finding]:
    if deployed is not None and deployed.line != layer_build.line:
        yield Finding(
            "build.lines",
            function.name,
            f"was built from line {deployed.line}, its layer {layer.name}:{layer.version} from {layer_build.line}",
            "publish the layer of the function's line, or rebuild the function",
        )
    runs_on = f"{function.runtime} {function.architecture.replace('x86_64', 'x86-64')}"
    if layer_build.target.replace("x86_64", "x86-64") != runs_on:
        yield Finding(
            "build.runtime",
            function.name,
            f"runs on {function.runtime} {function.architecture}, its layer {layer.name} is for {layer_build.target}",
            f"attach the layer for {function.runtime} {function.architecture}",
        )


def _read(file: Path) -> Built | None:
    try:
        with zipfile.ZipFile(file) as archive:
            stamps = [
                name
                for name in archive.namelist()
                if name.rpartition("/")[2].startswith(STAMP_BEGIN) and name.endswith(STAMP_END)
            ]
            if not stamps:
                return None
            line, target, *_ = archive.read(stamps[0]).decode().splitlines()
    except (zipfile.BadZipFile, ValueError, OSError):
        return None
    part = stamps[0].rpartition("/")[2].removeprefix(STAMP_BEGIN).removesuffix(STAMP_END)
    sha256 = base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode()
    return Built(file, part, line, target, sha256)
