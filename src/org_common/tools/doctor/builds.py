"""What is deployed beside what was built: the same bytes, of the same line, for the same Python."""

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
    """A zip of a build folder. `line` is what function and layer have in common, `target` the Python it is for."""

    file: Path
    part: str
    line: str
    target: str
    sha256: str


def read(folder: Path) -> list[Built]:
    """The stamped zips of a folder; others are none of ours."""
    return [built for file in sorted(folder.glob("*.zip")) if (built := _read(file)) is not None]


def check_versions(functions: Sequence[Function]) -> Iterator[Finding]:
    """Functions that are on different versions of one layer."""
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
                    f"has version {version} of the layer {name}, and others have {newest}",
                    f"deploy it with {name}:{newest}",
                )


def check_builds(
    functions: Sequence[Function], built: Sequence[Built], zips: Mapping[str, str], layers: Mapping[Layer, str | None]
) -> Iterator[Finding]:
    """`zips` is the zip's name of each function, `layers` what AWS says of each layer's content."""
    by_sha256 = {each.sha256: each for each in built}
    ours = {each.part for each in built} - {FUNCTION}
    for function in functions:
        deployed = by_sha256.get(function.code_sha256)
        scope = next((each for each in built if each.file.stem == zips.get(function.name)), None)
        if scope is not None and deployed is None:
            yield Finding(
                "build.function",
                function.name,
                f"is not what {scope.file.name} holds (line {scope.line})",
                f"deploy {scope.file.name}, or build what is deployed",
            )
        for layer in function.layers:
            found = by_sha256.get(layers.get(layer) or "")
            if found is None:
                if any(f"org-common-{part}" in layer.name for part in ours):
                    yield Finding(
                        "build.layer",
                        function.name,
                        f"its layer {layer.name}:{layer.version} is none of the build's",
                        "publish the layer that was built, and deploy the function with it",
                    )
                continue
            yield from _layer_mismatches(function, layer, found, deployed)


def _layer_mismatches(function: Function, layer: Layer, found: Built, deployed: Built | None) -> Iterator[Finding]:
    if deployed is not None and deployed.line != found.line:
        yield Finding(
            "build.lines",
            function.name,
            f"was built from line {deployed.line}, its layer {layer.name}:{layer.version} from {found.line}",
            "publish the layer of the function's line, or build the function again",
        )
    fits = f"{function.runtime} {function.architecture.replace('x86_64', 'x86-64')}"
    if found.target.replace("x86_64", "x86-64") != fits:
        yield Finding(
            "build.runtime",
            function.name,
            f"runs on {function.runtime} {function.architecture}, and its layer {layer.name} is for {found.target}",
            "attach the layer that was built for it",
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
