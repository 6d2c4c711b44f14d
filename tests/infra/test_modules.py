"""The modules by themselves: format, the provider's own checks, and tests with a mocked provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.conftest import modules
from tests.infra.programs import Terraform

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The module of a function, initialized."""
    terraform = Terraform(modules(tmp_path_factory.mktemp("function") / "infra") / "modules" / "function")
    terraform.init()
    return terraform


def test_files_are_formatted() -> None:
    done = Terraform(ROOT / "infra").run("fmt", "-check", "-recursive", "-diff", check=False)

    assert done.stdout == ""


def test_function_with_a_mocked_provider(function: Terraform) -> None:
    assert "7 passed, 0 failed" in function.run("test", "-no-color").stdout


def test_misspelt_attribute_is_found(function: Terraform) -> None:
    file = function.folder / "main.tf"
    text = file.read_text()

    file.write_text(text.replace("memory_size ", "memry_size "))
    found = function.validate()
    file.write_text(text)

    assert [each["summary"] for each in found["diagnostics"]] == ["Unsupported argument"]
