import json
import shutil
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

from org_common.tools.layer import build, sbom
from tests.org_common.tools.layer.conftest import Whole


def metadata(folder: Path, text: str, **bills: str) -> Path:
    made = folder / "shop-1.0.dist-info"
    (made / "sboms").mkdir(parents=True)
    (made / "METADATA").write_text(f"Metadata-Version: 2.4\nName: Shop.App\nVersion: 1.0\n{text}\n\nWords.\n")
    for name, bill in bills.items():
        (made / "sboms" / f"{name}.json").write_text(bill)
    return made


@pytest.mark.parametrize(
    ("text", "licence", "is_expression"),
    [
        ("License-Expression: MIT OR Apache-2.0", "MIT OR Apache-2.0", True),
        ("License: BSD", "BSD", False),
        ("License: The licence\n        is long", "The licence", False),
        ("License: x\nLicense-Expression: MIT", "MIT", True),
        ("Summary: none", "", False),
    ],
)
def test_package_is_read_from_its_metadata(tmp_path: Path, text: str, licence: str, is_expression: bool) -> None:
    package = sbom.read(metadata(tmp_path, text))

    assert package == sbom.Package("Shop.App", "1.0", licence, is_expression)
    assert package.purl == "pkg:pypi/shop-app@1.0"


def test_what_a_wheel_bundles_is_read_from_its_own_bill(tmp_path: Path) -> None:
    libpq = {"type": "library", "name": "libpq", "version": "18.1", "bom-ref": "x", "author": "y"}
    own = {"type": "library", "name": "shop_app", "version": "1.0"}
    bill = json.dumps({"bomFormat": "CycloneDX", "components": [libpq, own]})

    package = sbom.read(metadata(tmp_path, "", bill=bill, other='{"spdxVersion": "2.3"}', broken="{", odd="[]"))

    assert package.bundled == ({"type": "library", "name": "libpq", "version": "18.1"},)


@pytest.mark.wheel
def test_bill_lists_what_the_layer_runs(whole: Whole) -> None:
    bills = {layer: json.loads(sbom.path_of(file).read_text()) for layer, file in whole.zips.items()}
    names = {layer: {each["name"].lower() for each in bill["components"]} for layer, bill in bills.items()}

    assert {"org-common", "psycopg", "psycopg-binary", "pydantic", "orjson", "tenacity"} <= names["runtime"]
    assert names["auth"] == {"cffi", "cryptography", "pyjwt"}
    [binary] = [each for each in bills["runtime"]["components"] if each["name"] == "psycopg-binary"]
    assert len(binary["components"]) > 0
    for bill in bills.values():
        assert bill["specVersion"] == "1.6"
        assert all(each["purl"].startswith("pkg:pypi/") and each["licenses"] for each in bill["components"])


@pytest.mark.wheel
def test_audit_of_the_unpacked_layer_finds_every_package(whole: Whole, tmp_path: Path) -> None:
    folder = build.unpack(list(whole.zips.values()), tmp_path)

    found = {each.name.lower(): each.version for each in distributions(path=[str(folder)])}

    bills = [json.loads(sbom.path_of(file).read_text()) for file in whole.zips.values()]
    assert found == {each["name"].lower(): each["version"] for bill in bills for each in bill["components"]}
    assert {"org-common", "cffi", "typing_extensions"} <= found.keys()


@pytest.mark.wheel
def test_bill_is_the_same_for_the_same_layer(whole: Whole, tmp_path: Path) -> None:
    auth = next(each for each in whole.layers if each.layer == "auth")

    build.build(whole.settings, whole.target, tmp_path, ["auth"], print)

    again = tmp_path / sbom.path_of(auth.file).name
    assert again.read_bytes() == sbom.path_of(auth.file).read_bytes()


@pytest.mark.wheel
def test_difference_of_layer_and_bill_is_found(whole: Whole, tmp_path: Path) -> None:
    file = tmp_path / "auth.zip"
    shutil.copy(whole.zips["auth"], file)
    assert sbom.compare(file) == ["auth.cdx.json does not exist: build the layer again"]
    text = sbom.path_of(whole.zips["auth"]).read_text()
    sbom.path_of(file).write_text(text.replace("pkg:pypi/cffi@", "pkg:pypi/cffi@0."))

    missing, unknown = sbom.compare(file)

    assert missing.startswith("pkg:pypi/cffi@")
    assert missing.endswith(" is in the layer, but not in auth.cdx.json")
    assert unknown.startswith("pkg:pypi/cffi@0.")
    assert unknown.endswith(" is in auth.cdx.json, but not in the layer")

    sbom.path_of(file).write_text(text)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("python/sly-1.0.dist-info/METADATA", "Name: sly\nVersion: 1.0\n")
    assert sbom.compare(file) == ["pkg:pypi/sly@1.0 is in the layer, but not in auth.cdx.json"]
