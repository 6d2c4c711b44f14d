"""What `org-common dev` prints of it is in test_devserver.py."""

from pathlib import Path

import pytest

from org_common.tools.serve.statements import start_check


def test_check_that_cannot_finish_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []

    start_check(said.append).join()

    assert len(said) == 1
    assert said[0].startswith("org-common db check: not finished: no pyproject.toml in")
