"""Writes the manifest of a project: its functions, and what each of them needs from AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from org_common.auth.authorizer import Authorizer
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.manifest import functions
from org_common.tools.manifest.refusals import refusals
from org_common.tools.manifest.settings import Functions
from org_common.tools.project import apps
from org_common.tools.project.modules import load_object
from org_common.tools.project.project import Project, ProjectError, ToolError, key_advice

VERSION = 1
SCHEMA = Path(__file__).with_name("schema.json")
Json = dict[str, Any]


@dataclass(frozen=True)
class Zip:
    """A built zip."""

    file: str
    """Its name in the build folder."""
    sha256: str
    """As AWS reports it: Base64."""


def manifest(project: Project, target: Target, build: Path | None = None) -> Json:
    """The manifest of the project. `build` is the folder with the built zips, whose names and hashes it then has.

    Raises `ToolError` with every reason why the project cannot be deployed like this.
    """
    document = describe(project, target, build)
    problems = refusals(document)
    if problems:
        raise ToolError("\n".join(["this cannot be deployed:", *(f"  {problem}" for problem in problems)]))
    return document


def describe(project: Project, target: Target, build: Path | None = None) -> Json:
    """The manifest, before it is checked. Importing the project's modules is what takes its time."""
    settings, layers = Functions.find(project.root), LayerSettings.find(project.root)
    loaded = dict(zip(project.apps, apps.load(project), strict=True))
    others = {entry: load_object(entry, f"the function {entry} in pyproject.toml") for entry in layers.functions}
    described = [
        *(functions.of_app(entry, app, settings.of(app.name)) for entry, app in loaded.items()),
        *(
            functions.of_other(entry, settings.of(entry), is_authorizer=isinstance(function, Authorizer))
            for entry, function in others.items()
        ),
    ]
    _check_tables(settings, [*(app.name for app in loaded.values()), *others])
    line, zips = (None, {}) if build is None else _zips(build, target)
    return {
        "version": VERSION,
        "project": {"name": project.name, "version": project.version},
        "line": line,
        "runtime": f"python{target.python}",
        "architecture": target.arch,
        "layers": {name: _asdict(zips.get(f"org-common-{name}-{target.name}")) for name in layers.layers},
        "functions": {
            name: {**function, "zip": _asdict(zips.get(functions.stem(function["entry"])))}
            for name, function in sorted(_by_name(described).items())
        },
    }


def dump(document: Json) -> str:
    """The manifest as text, the same for the same project."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read(file: Path) -> Json:
    """The manifest in a file; `ToolError` for another file."""
    try:
        document = json.loads(file.read_bytes())
    except ValueError as error:
        raise ToolError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(document, dict) or "functions" not in document or document.get("version") != VERSION:
        raise ToolError(
            f"{file} is not a manifest of version {VERSION}: write one with org-common manifest --out {file}"
        )
    return document


def _by_name(described: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, function in described:
        if name in found:
            raise ToolError(
                f"{found[name]['entry']} and {function['entry']} are both named {name!r}: rename an App, or set "
                f'[tool.org-common.functions."{function["entry"]}"] name = "..."'
            )
        found[name] = function
    return found


def _check_tables(settings: Functions, names: Iterable[str]) -> None:
    known = sorted(names)
    for name in sorted(settings.names.difference(known)):
        raise ProjectError(
            f"{settings.file}: tool.org-common.functions.{name} is not a function of this project: "
            f"{key_advice(name, known)}"
        )


def _zips(folder: Path, target: Target) -> tuple[str, dict[str, Zip]]:
    """The line and the zips of a build folder; `ToolError` if they do not belong together."""
    from org_common.tools.doctor import builds

    built = [each for each in builds.read(folder) if each.target.partition(" ")[2] in (target.arch, "any")]
    lines = sorted({each.line for each in built})
    if len(lines) != 1:
        found = f"zips of {len(lines)} lines, {', '.join(lines)}" if lines else f"no zips for {target.arch}"
        raise ToolError(f"{folder} has {found}: build layers and functions again, into an empty folder")
    return lines[0], {each.file.stem: Zip(each.file.name, each.sha256) for each in built}


def _asdict(found: Zip | None) -> Json | None:
    return None if found is None else asdict(found)
