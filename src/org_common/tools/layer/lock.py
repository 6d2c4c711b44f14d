"""Reads and writes the lock files of layers: exact versions and hashes for every Python and architecture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from tempfile import TemporaryDirectory

from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import PYTHONS
from org_common.tools.project import uv
from org_common.tools.project.project import ToolError

OURS = "org-common"
# Part of every Lambda runtime, and larger than a complete layer.
EXCLUDED = ("boto3", "botocore", "s3transfer")
MADE_FOR = "# for: "
HEAD = "# Made by `org-common layer lock`; the layer is built from it.\n"
REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[([^]]*)\])?")
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)(?:.*\\\n)*.*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """A locked package."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """Hashes of all its files: "sha256:…"."""
    text: str
    """The lines of the lock file."""


def make(settings: LayerSettings, layer: str, options: Sequence[str] = ()) -> list[Pin]:
    """Resolve a layer and write its lock file, without the packages of earlier layers. Returns the pins.

    `layer` may also be the entry point of a function with requirements. `options` are passed to uv.
    """
    file = settings.lock_of(layer)
    wanted = roots(settings.requirements_of(layer) or ())
    earlier = _earlier(settings, layer)
    earlier_names = {pin.name for pin in earlier}
    # Resolve together with earlier layers, so that all of them are compatible on one path.
    requested = [*wanted, *(f"{pin.name}=={pin.version}" for pin in earlier)]
    settings.lock.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        fresh = Path(folder, file.name)
        if file.is_file():
            # uv keeps the versions that it finds here, unless --upgrade is passed.
            fresh.write_text(file.read_text())
        uv.run([*_compile(settings, fresh), *options], stdin="\n".join(requested))
        resolved = parse(fresh.read_text())
    pins = [pin for pin in resolved if pin.name not in earlier_names]
    _refuse_excluded(layer, pins)
    text = (
        HEAD
        + MADE_FOR
        + " ".join(_normalize_all(wanted))
        + "\n"
        + "".join(pin.text.rstrip("\n") + "\n" for pin in pins)
    )
    file.write_text(text)
    return pins


def read(settings: LayerSettings, layer: str) -> list[Pin]:
    """The pins of a layer's lock file; `ToolError` if it is missing or was made for other requirements."""
    requirements = settings.requirements_of(layer)
    if requirements is None:
        raise ToolError(f"there is no layer {layer!r}. Layers: {', '.join(settings.layers)}")
    file = settings.lock_of(layer)
    if not file.is_file():
        raise ToolError(f"{file} does not exist. Create it with: org-common layer lock")
    text = file.read_text()
    made_for = next((line.removeprefix(MADE_FOR) for line in text.splitlines() if line.startswith(MADE_FOR)), "")
    wanted = " ".join(_normalize_all(roots(requirements)))
    if made_for != wanted:
        raise ToolError(
            f"{file} is out of date. Update it with: org-common layer lock\n"
            f"  locked for: {made_for}\n  required:   {wanted}"
        )
    pins = parse(text)
    _refuse_excluded(layer, pins)
    unhashed = [pin.name for pin in pins if not pin.hashes]
    if unhashed:
        raise ToolError(f"{file} has no hash for {unhashed[0]}. Update it with: org-common layer lock")
    return pins


def parse(text: str) -> list[Pin]:
    """The pins in the text of a lock file."""
    return [
        Pin(normalize(found[1]), found[2], tuple(re.findall(r"sha256:[0-9a-f]{64}", found[0])), found[0])
        for found in PIN.finditer(text)
    ]


def roots(names: Sequence[str]) -> list[str]:
    """The requirements of a layer, with org-common replaced by its dependencies.

    org-common itself is copied from where it is installed, and has no hash.
    """
    requirements: list[str] = []
    for name in names:
        parsed = REQUIREMENT.match(name)
        if parsed is not None and normalize(parsed[1]) == OURS:
            extras = {extra.strip() for extra in (parsed[2] or "").split(",") if extra.strip()}
            requirements += _required_by_ours(extras)
        else:
            requirements.append(name)
    return list(dict.fromkeys(requirements))


def normalize(name: str) -> str:
    """The name as PEP 503 normalizes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _required_by_ours(extras: set[str]) -> Iterator[str]:
    try:
        lines = requires(OURS) or []
    except PackageNotFoundError:
        raise ToolError(f"{OURS} is on the path, but not installed: pip install {OURS}") from None
    for line in lines:
        requirement, _, marker = line.partition(";")
        named = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", marker)
        if named is None or named[1] in extras:
            rest = re.sub(r"(\s*and\s*)?extra\s*==\s*['\"][^'\"]+['\"]", "", marker).strip()
            yield f"{requirement.strip()} ; {rest}" if rest else requirement.strip()


def _earlier(settings: LayerSettings, layer: str) -> list[Pin]:
    return [pin for name in settings.earlier(layer) for pin in read(settings, name)]


def _compile(settings: LayerSettings, output: Path) -> list[str | Path]:
    arguments: list[str | Path] = ["compile", "-", "--no-config", "--output-file", output, "--universal"]
    arguments += ["--python-version", PYTHONS[0], "--generate-hashes", "--no-annotate", "--no-header"]
    # The package index depends on the machine that installs them, so it is not part of the lock.
    arguments += ["--no-emit-index-url", "--no-emit-find-links"]
    if settings.constraints is not None:
        arguments += ["--constraints", settings.constraints]
    return arguments


def _normalize_all(wanted: Sequence[str]) -> list[str]:
    return sorted(requirement.replace(" ", "") for requirement in wanted)


def _refuse_excluded(layer: str, pins: Sequence[Pin]) -> None:
    for pin in pins:
        if pin.name in EXCLUDED:
            raise ToolError(
                f"{pin.name} is part of every Lambda runtime and must not be in a layer, but a package of"
                f" {layer!r} requires it. Remove that package from pyproject.toml, [tool.org-common.layer]."
            )
