"""The probe in a process of its own, as `layer verify` runs it."""

import os
import sys
from pathlib import Path

import pytest

from org_common.tools.runtime import client, probe
from org_common.tools.runtime.environment import Environment, Function

pytestmark = pytest.mark.runtime


def test_compiled_files_of_its_path_are_recorded_and_texts_are_not(tmp_path: Path) -> None:
    task, record = tmp_path / "task", tmp_path / "record"
    task.mkdir()
    (task / "shop.py").write_text("exec('x = 1')\ndef app(e, c): return 1\n")
    client.install(tmp_path / "client", f"{sys.version_info[0]}.{sys.version_info[1]}")
    path = os.pathsep.join([str(task), str(tmp_path / "client")])
    program = (probe.__file__, str(record), path)

    with Environment(Function("shop.app", [task], options=("-I", "-S", "-B"), program=program)) as environment:
        assert environment.invoke({}).answer == 1

    recorded = [line for line in record.read_text().splitlines() if "/client/" not in line]
    assert recorded == [str(task / "shop.py")]
