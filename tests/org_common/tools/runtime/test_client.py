from pathlib import Path

from org_common.tools.layer.targets import Target
from org_common.tools.runtime import client


def test_client_is_installed_without_other_packages(tmp_path: Path) -> None:
    client.install(tmp_path, Target.here().python)

    packages = {path.name for path in tmp_path.iterdir() if path.suffix != ".dist-info"}
    assert {"awslambdaric", "simplejson", "snapshot_restore_py.py"} <= packages
    assert "psycopg" not in packages
