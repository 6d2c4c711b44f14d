"""The locks of a layer: exact versions and hashes, for every Python and processor at once."""

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
# It comes with every Lambda runtime, and weighs more than all of ours.
EXCLUDED = ("boto3", "botocore", "s3transfer")
MADE_FOR = "# for: "
HEAD = "# Made by `org-common layer lock`; the layer is built from it.\n"
REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[([^]]*)\])?")
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)(?:.*\\\n)*.*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """One line of a lock: an exact version with the hashes of all its files, and the line itself."""

    name: str
    version: str
    hashes: tuple[str, ...]
    text: str


def make(settings: LayerSettings, layer: str, options: Sequence[str] = ()) -> list[Pin]:
    """Resolve one layer anew and write its lock. What an earlier layer holds is left out."""
    file = settings.lock_of(layer)
    wanted = roots(settings.layers[layer])
    earlier = _earlier(settings, layer)
    held = {pin.name for pin in earlier}
    # Together with what is there already, so that both layers can be on one path.
    asked = [*wanted, *(f"{pin.name}=={pin.version}" for pin in earlier)]
    settings.lock.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        fresh = Path(folder, file.name)
        if file.is_file():
            # uv keeps what it finds here, but for --upgrade.
            fresh.write_text(file.read_text())
        uv.run([*_compile(settings, fresh), *options], stdin="\n".join(asked))
        found = parse(fresh.read_text())
    pins = [pin for pin in found if pin.name not in held]
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
    """The pins of a layer's lock; `ToolError` when it is not there, or was made for something else."""
    if layer not in settings.layers:
        raise ToolError(f"there is no layer {layer!r}: there are {', '.join(settings.layers)}")
    file = settings.lock_of(layer)
    if not file.is_file():
        raise ToolError(f"{file} is not there. Make it with: org-common layer lock")
    text = file.read_text()
    made_for = next((line.removeprefix(MADE_FOR) for line in text.splitlines() if line.startswith(MADE_FOR)), "")
    wanted = " ".join(_normalize_all(roots(settings.layers[layer])))
    if made_for != wanted:
        raise ToolError(
            f"{file} was made for other packages. Make it again with: org-common layer lock\n"
            f"  made for: {made_for}\n  wanted:   {wanted}"
        )
    pins = parse(text)
    _refuse_excluded(layer, pins)
    unhashed = [pin.name for pin in pins if not pin.hashes]
    if unhashed:
        raise ToolError(f"{file} has no hash for {unhashed[0]}. Make it again with: org-common layer lock")
    return pins


def parse(text: str) -> list[Pin]:
    return [
        Pin(normalize(found[1]), found[2], tuple(re.findall(r"sha256:[0-9a-f]{64}", found[0])), found[0])
        for found in PIN.finditer(text)
    ]


def roots(names: Sequence[str]) -> list[str]:
    """Requirements of a layer, ours spelt out: it is copied from where it is installed, and has no hash."""
    found: list[str] = []
    for name in names:
        parsed = REQUIREMENT.match(name)
        if parsed is not None and normalize(parsed[1]) == OURS:
            extras = {each.strip() for each in (parsed[2] or "").split(",") if each.strip()}
            found += _required_by_ours(extras)
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def normalize(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _required_by_ours(extras: set[str]) -> Iterator[str]:
    try:
        lines = requires(OURS) or []
    except PackageNotFoundError:
        raise ToolError(f"{OURS} is not installed in this environment, only on the path: pip install it") from None
    for line in lines:
        requirement, _, marker = line.partition(";")
        named = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", marker)
        if named is None or named[1] in extras:
            rest = re.sub(r"(\s*and\s*)?extra\s*==\s*['\"][^'\"]+['\"]", "", marker).strip()
            yield f"{requirement.strip()} ; {rest}" if rest else requirement.strip()


def _earlier(settings: LayerSettings, layer: str) -> list[Pin]:
    pins: list[Pin] = []
    for name in settings.layers:
        if name == layer:
            break
        pins += read(settings, name)
    return pins


def _compile(settings: LayerSettings, output: Path) -> list[str | Path]:
    arguments: list[str | Path] = ["compile", "-", "--no-config", "--output-file", output, "--universal"]
    arguments += ["--python-version", PYTHONS[0], "--generate-hashes", "--no-annotate", "--no-header"]
    # Where packages come from is the business of the machine that installs them.
    arguments += ["--no-emit-index-url", "--no-emit-find-links"]
    if settings.constraints is not None:
        arguments += ["--constraints", settings.constraints]
    return arguments


def _normalize_all(wanted: Sequence[str]) -> list[str]:
    return sorted(each.replace(" ", "") for each in wanted)


def _refuse_excluded(layer: str, pins: Sequence[Pin]) -> None:
    for pin in pins:
        if pin.name in EXCLUDED:
            raise ToolError(
                f"{pin.name} is part of every Lambda runtime and never goes into a layer: something in the layer"
                f" {layer!r} requires it. Take that out of [tool.org-common.layer] layers."
            )
