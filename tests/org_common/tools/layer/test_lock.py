from pathlib import Path

import pytest

from org_common.tools.layer import lock
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.project.project import ToolError

TEXT = """\
# a comment
orjson==3.13.0 \\
    --hash=sha256:0526a3456db67b264c6d661b5f090077f326b6cd074d0ef53a72763595dec5d7 \\
    --hash=sha256:08bf722f923d2100bc5e5a5dcf72c656db557049c1bea26582fdd5dd9d5395a1
Typing_Extensions==4.16.0 ; python_full_version < '3.13' \\
    --hash=sha256:13b2beaad985e05e2d6407ee4c4f35590b11f8d693a258a561055cac8f64cab7
"""
THIS = LayerSettings.find(Path(__file__))


def written(settings: LayerSettings, layer: str, names: str, pins: str = TEXT) -> None:
    settings.lock.mkdir(exist_ok=True)
    settings.lock_of(layer).write_text(f"{lock.HEAD}{lock.MADE_FOR}{names}\n{pins}")


def settings(folder: Path, *names: str) -> LayerSettings:
    return LayerSettings(root=folder, lock=folder / "locks", layers={"runtime": names})


def test_lock_is_read_with_hashes_and_conditions(tmp_path: Path) -> None:
    wanted = settings(tmp_path, "orjson>=3", "typing-extensions")
    written(wanted, "runtime", "orjson>=3 typing-extensions")

    pins = lock.read(wanted, "runtime")

    assert [(pin.name, pin.version, len(pin.hashes)) for pin in pins] == [
        ("orjson", "3.13.0", 2),
        ("typing-extensions", "4.16.0", 1),
    ]
    assert "python_full_version" in pins[1].text


def test_lock_of_other_packages_is_refused(tmp_path: Path) -> None:
    wanted = settings(tmp_path, "orjson>=4")
    written(wanted, "runtime", "orjson>=3")

    with pytest.raises(ToolError, match="is out of date"):
        lock.read(wanted, "runtime")


def test_missing_lock_is_reported_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="org-common layer lock"):
        lock.read(settings(tmp_path, "orjson"), "runtime")


def test_unknown_layer_is_reported_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="Layers: runtime"):
        lock.read(settings(tmp_path), "run-time")


def test_pin_without_a_hash_is_refused(tmp_path: Path) -> None:
    wanted = settings(tmp_path, "orjson")
    written(wanted, "runtime", "orjson", "orjson==3.13.0\n")

    with pytest.raises(ToolError, match="no hash for orjson"):
        lock.read(wanted, "runtime")


def test_boto3_is_refused(tmp_path: Path) -> None:
    wanted = settings(tmp_path, "boto3")
    written(wanted, "runtime", "boto3", TEXT.replace("orjson", "boto3"))

    with pytest.raises(ToolError, match="boto3 is part of every Lambda runtime"):
        lock.read(wanted, "runtime")


def test_our_requirements_are_spelt_out_by_extra() -> None:
    plain, authorizer = lock.roots(["org-common"]), lock.roots(["org-common[auth]", "stripe"])

    assert any(each.startswith("psycopg[binary]") for each in plain)
    assert not any(each.lower().startswith("pyjwt") for each in plain)
    assert any(each.lower().startswith("pyjwt[crypto]") for each in authorizer)
    assert authorizer[-1] == "stripe"
    assert not any("extra" in each for each in authorizer)


def test_this_projects_locks_are_up_to_date() -> None:
    assert {layer: bool(lock.read(THIS, layer)) for layer in THIS.layers} == {"runtime": True, "auth": True}


def test_layers_share_no_package() -> None:
    runtime, auth = ({pin.name for pin in lock.read(THIS, layer)} for layer in ("runtime", "auth"))

    assert runtime & auth == set()
    assert "cryptography" in auth


def test_versions_are_those_that_tests_run_with() -> None:
    assert THIS.constraints is not None
    tested = {(pin.name, pin.version) for pin in lock.parse(THIS.constraints.read_text())}

    for layer in THIS.layers:
        assert {(pin.name, pin.version) for pin in lock.read(THIS, layer)} <= tested


@pytest.mark.wheel
def test_lock_is_made_for_every_python_at_once(tmp_path: Path) -> None:
    wanted = settings(tmp_path, "typing-inspection==0.4.5")
    assert THIS.constraints is not None
    wanted = LayerSettings(root=tmp_path, lock=wanted.lock, layers=wanted.layers, constraints=THIS.constraints)

    made = lock.make(wanted, "runtime")

    assert {pin.name for pin in made} == {"typing-extensions", "typing-inspection"}
    assert lock.read(wanted, "runtime") == made
