"""Writes and checks the software bill of materials of a layer: CycloneDX 1.6 as JSON, next to the layer's zip.

https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import re
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from org_common.tools.layer.lock import normalize

Json = dict[str, Any]

# Of a component in a wheel's own bill. References are left out: those of two wheels may be the same.
_COPIED = ("type", "group", "name", "version", "purl", "cpe", "licenses", "hashes")
_METADATA = re.compile(r"python/[^/]+\.dist-info/METADATA")


@dataclass(frozen=True)
class Package:
    """A package in a layer."""

    name: str
    """As in its metadata: "PyJWT"."""
    version: str
    licence: str = ""
    """The SPDX expression, or the text of a package that has none; empty if it has neither."""
    is_expression: bool = False
    """Whether the licence is an SPDX expression."""
    bundled: tuple[Json, ...] = ()
    """Components that the wheel says it contains, such as libpq and OpenSSL in psycopg-binary (PEP 770)."""

    @property
    def purl(self) -> str:
        """The package URL: "pkg:pypi/pyjwt@2.15.1"."""
        return f"pkg:pypi/{normalize(self.name)}@{self.version}"


def read(metadata: Path) -> Package:
    """The package of a dist-info folder."""
    headers = HeaderParser().parsestr((metadata / "METADATA").read_text(encoding="utf-8"))
    expression = str(headers["License-Expression"] or "").strip()
    # Older packages put the complete text here.
    text = str(headers["License"] or "").strip().partition("\n")[0]
    name = str(headers["Name"])
    bundled = [component for file in sorted((metadata / "sboms").glob("*.json")) for component in _bundled(file)]
    others = tuple(each for each in bundled if normalize(str(each.get("name"))) != normalize(name))
    return Package(name, str(headers["Version"]), expression or text, bool(expression), others)


def path_of(file: Path) -> Path:
    """The bill of a layer's zip."""
    return file.with_suffix(".cdx.json")


def write(file: Path, layer: str, line: str, content: str, packages: Sequence[Package]) -> None:
    """Write the bill of a layer's zip. The same layer always has the same bytes."""
    document: Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # Without a timestamp, and with a number that depends on the content alone.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, f'{layer} {content}')}",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": "layer", "name": f"org-common-{layer}", "version": line}
        },
        "components": [_component(package) for package in sorted(packages, key=lambda each: each.purl)],
        "dependencies": [{"ref": "layer", "dependsOn": sorted(package.purl for package in packages)}],
    }
    path_of(file).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def compare(file: Path) -> list[str]:
    """Differences between the packages in a layer's zip and its bill; empty if they are the same."""
    bill = path_of(file)
    if not bill.is_file():
        return [f"{bill.name} does not exist: build the layer again"]
    listed = {str(each.get("purl")) for each in json.loads(bill.read_text()).get("components", [])}
    with zipfile.ZipFile(file) as archive:
        found = {_purl(archive.read(name).decode()) for name in archive.namelist() if _METADATA.fullmatch(name)}
    problems = [f"{purl} is in the layer, but not in {bill.name}" for purl in sorted(found - listed)]
    return problems + [f"{purl} is in {bill.name}, but not in the layer" for purl in sorted(listed - found)]


def _component(package: Package) -> Json:
    component: Json = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
    }
    if package.licence:
        named = {"license": {"name": package.licence}}
        component["licenses"] = [{"expression": package.licence} if package.is_expression else named]
    if package.bundled:
        component["components"] = list(package.bundled)
    return component


def _bundled(file: Path) -> list[Json]:
    """The components of a wheel's own bill; none if it is not in CycloneDX."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return []
    if not isinstance(document, Mapping) or document.get("bomFormat") != "CycloneDX":
        return []
    components = document.get("components", [])
    return [{key: each[key] for key in _COPIED if key in each} for each in components]


def _purl(metadata: str) -> str:
    headers = HeaderParser().parsestr(metadata)
    return Package(str(headers["Name"]), str(headers["Version"])).purl
