"""The commands that `org-common dev` prints can be pasted. What else it prints: test_devserver.py."""

from pathlib import Path

import pytest

from org_common.tools.serve.welcome import command_name


@pytest.mark.parametrize("variables", [{}, {"NOX_CURRENT_SESSION": "dev"}])
def test_program_is_named_as_the_users_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    program = tmp_path / "bin" / "org-common"
    program.parent.mkdir()
    program.touch(0o755)
    monkeypatch.delenv("NOX_CURRENT_SESSION", raising=False)
    monkeypatch.setattr("sys.argv", [str(program)])
    monkeypatch.chdir(tmp_path)
    elsewhere = command_name()
    monkeypatch.setenv("PATH", str(program.parent))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert elsewhere == "bin/org-common"
    assert command_name() == ("bin/org-common" if variables else "org-common")
