from pathlib import Path

import pytest

from org_common.tools.layer import install, lock
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.project.project import ToolError

PINS = {pin.name: pin for pin in lock.read(LayerSettings.find(Path(__file__)), "runtime")}


def test_tools_and_test_helpers_stay_at_home(tmp_path: Path) -> None:
    install.ours(tmp_path)

    assert (tmp_path / "org_common" / "sql" / "0001_roles.sql").is_file()
    assert not (tmp_path / "org_common" / "tools").exists()
    assert not (tmp_path / "org_common" / "testing").exists()


@pytest.mark.wheel
def test_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    pin = PINS["annotated-types"]
    forged = lock.Pin(pin.name, pin.version, pin.hashes, pin.text.replace(pin.hashes[0], "sha256:" + 64 * "0"))
    forged = lock.Pin(pin.name, pin.version, pin.hashes, forged.text.replace(pin.hashes[-1], "sha256:" + 64 * "1"))

    with pytest.raises(ToolError, match=r"(?i)hash"):
        install.packages([forged], Target("3.13", "x86_64"), tmp_path)


@pytest.mark.wheel
def test_python_311_on_arm64_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"glibc 2\.26\. psycopg-binary 3\.3 for arm64 needs 2\.28: use Python 3\.12"):
        install.packages([PINS["psycopg-binary"]], Target("3.11", "arm64"), tmp_path)


@pytest.mark.wheel
def test_wheel_of_another_processor_is_installed(tmp_path: Path) -> None:
    install.packages([PINS["orjson"]], Target("3.13", "arm64"), tmp_path)

    [compiled] = (tmp_path / "orjson").glob("*.so")
    assert "cpython-313-aarch64" in compiled.name
