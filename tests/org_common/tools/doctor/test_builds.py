"""Deployed functions and layers compared with built zips."""

from dataclasses import replace
from pathlib import Path

import pytest

from org_common.lifecycle.build import FUNCTION as FUNCTION_PART
from org_common.lifecycle.build import STAMP
from org_common.tools.doctor.builds import Built, check_builds, check_versions, read
from org_common.tools.doctor.deployed import Function, Layer
from tests.org_common.tools.doctor.conftest import sha256, zipped

LINE, OTHER = "0.1.0+aaaaaaaaaaaa", "0.1.0+bbbbbbbbbbbb"
RUNTIME = zipped({f"python/{STAMP.format('runtime')}": f"{LINE}\npython3.13 arm64\nabc\n", "python/x.py": ""})
ORDERS = zipped({STAMP.format(FUNCTION_PART): f"{LINE}\npython3.13 any\nabc\n", "shop/orders.py": ""})
LAYER = Layer("arn:aws:lambda:eu-central-1:123456789012:layer:org-common-runtime:3")
FUNCTION = Function(
    name="prod-orders",
    arn="arn:aws:lambda:eu-central-1:123456789012:function:prod-orders",
    role="",
    runtime="python3.13",
    architecture="arm64",
    code_sha256=sha256(ORDERS),
    layers=(LAYER,),
    in_vpc=False,
    reserved=None,
    environ={},
)


@pytest.fixture
def built(tmp_path: Path) -> list[Built]:
    (tmp_path / "org-common-runtime-python3.13-arm64.zip").write_bytes(RUNTIME)
    (tmp_path / "shop-orders.zip").write_bytes(ORDERS)
    (tmp_path / "other.zip").write_bytes(zipped({"x.py": ""}))
    (tmp_path / "broken.zip").write_text("no zip")
    return read(tmp_path)


def found(built: list[Built], *functions: Function, layer: bytes = RUNTIME) -> list[tuple[str, str]]:
    zips = {"prod-orders": "shop-orders"}
    return [(each.id, each.reason) for each in check_builds(functions, built, zips, {LAYER: sha256(layer)})]


def test_stamped_zips_are_read(built: list[Built]) -> None:
    assert [(each.part, each.line, each.target) for each in built] == [
        ("runtime", LINE, "python3.13 arm64"),
        ("function", LINE, "python3.13 any"),
    ]


def test_the_same_bytes_are_no_finding(built: list[Built]) -> None:
    assert found(built, FUNCTION) == []


def test_other_code_is_reported(built: list[Built]) -> None:
    [(id, reason)] = found(built, replace(FUNCTION, code_sha256="other"))

    assert (id, reason) == ("build.function", f"differs from the built shop-orders.zip (line {LINE})")


def test_layer_of_org_common_that_is_not_in_the_build_is_reported(built: list[Built]) -> None:
    [(id, reason)] = found(built, FUNCTION, layer=b"other")

    assert (id, reason) == ("build.layer", "its layer org-common-runtime:3 is not in the build folder")


def test_layers_of_others_are_left_alone(built: list[Built]) -> None:
    others = Layer("arn:aws:lambda:eu-central-1:1:layer:AWS-Parameters-and-Secrets-Lambda-Extension:12")

    assert found(built, replace(FUNCTION, layers=(others,))) == []


def test_a_layer_for_another_python_or_processor_is_reported(built: list[Built]) -> None:
    for other in (replace(FUNCTION, runtime="python3.12"), replace(FUNCTION, architecture="x86_64")):
        [(id, reason)] = found(built, other)
        assert id == "build.runtime"
        assert "its layer org-common-runtime is for python3.13 arm64" in reason


def test_different_lines_are_reported(tmp_path: Path, built: list[Built]) -> None:
    newer = zipped({"org-common.function.build": f"{OTHER}\npython3.13 any\nabc\n"})
    (tmp_path / "shop-orders.zip").write_bytes(newer)

    [(id, reason)] = found(read(tmp_path), replace(FUNCTION, code_sha256=sha256(newer)))

    assert (id, reason) == ("build.lines", f"was built from line {OTHER}, its layer org-common-runtime:3 from {LINE}")


def test_functions_on_different_versions_are_reported() -> None:
    newer = Layer(LAYER.arn.replace(":3", ":10"))
    functions = [FUNCTION, replace(FUNCTION, name="users", layers=(newer,)), replace(FUNCTION, name="mails")]

    [finding] = check_versions(functions)

    assert (finding.id, finding.subject) == ("build.layer", "prod-orders, mails")
    assert finding.reason == "uses version 3 of the layer org-common-runtime, other functions use 10"
    assert list(check_versions([FUNCTION])) == []
