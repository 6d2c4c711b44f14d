"""The modules by themselves: format, the provider's own checks, and tests with a mocked provider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, described: dict[str, Any]) -> Terraform:
    """The module of a service, initialized, with a manifest."""
    terraform = Terraform(modules(tmp_path_factory.mktemp("service") / "infra") / "modules" / "service")
    (terraform.folder / "manifest.json").write_text(json.dumps(described))
    terraform.init()
    return terraform


def test_files_are_formatted() -> None:
    done = Terraform(ROOT / "infra").run("fmt", "-check", "-recursive", "-diff", check=False)

    assert done.stdout == ""


def test_function_with_a_mocked_provider(function: Terraform) -> None:
    assert "7 passed, 0 failed" in function.run("test", "-no-color").stdout


def test_service_with_a_mocked_provider(service: Terraform) -> None:
    assert "5 passed, 0 failed" in service.run("test", "-no-color").stdout


def test_misspelt_attribute_is_found(function: Terraform) -> None:
    file = function.folder / "main.tf"
    text = file.read_text()

    file.write_text(text.replace("memory_size ", "memry_size "))
    found = function.validate()
    file.write_text(text)

    assert [each["summary"] for each in found["diagnostics"]] == ["Unsupported argument"]
