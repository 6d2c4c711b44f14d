from pathlib import Path

import pytest

from org_common.tools.manifest.settings import Functions, Provisioned, Queue, ScheduledCapacity
from org_common.tools.project.project import ProjectError


def found(folder: Path, table: str) -> Functions:
    (folder / "pyproject.toml").write_text(table)
    return Functions.find(folder)


def test_table_is_read(tmp_path: Path) -> None:
    settings = found(
        tmp_path,
        """
        [tool.org-common.functions."*"]
        memory = 1024
        timeout = 10

        [tool.org-common.functions.orders]
        timeout = 20
        provisioned = { min = 2, max = 5, schedules.morning = { at = "cron(0 7 * * ? *)", min = 5, max = 9 } }
        queues.parcels = { fifo = true, batch = 1 }
        resources."kms:*" = ["arn:{partition}:kms:{region}:{account}:key/1"]
        """,
    ).of("orders")

    assert (settings.memory, settings.timeout, settings.snapstart) == (1024, 20, False)
    assert settings.provisioned == Provisioned(
        2, 5, schedules={"morning": ScheduledCapacity("cron(0 7 * * ? *)", 5, 9)}
    )
    assert settings.queues == {"parcels": Queue(fifo=True, batch=1)}
    assert settings.resources_of("kms:Sign") == ("arn:{partition}:kms:{region}:{account}:key/1",)


def test_longest_pattern_of_resources_counts(tmp_path: Path) -> None:
    table = '[tool.org-common.functions.a]\nresources = { "s3:*" = ["all"], "s3:Get*" = ["some"], "s3:GetX" = ["one"] }'
    settings = found(tmp_path, table).of("a")

    assert [settings.resources_of(f"s3:{action}") for action in ("Put", "GetY", "GetX")] == [
        ("all",),
        ("some",),
        ("one",),
    ]
    assert settings.resources_of("kms:Sign") == ()


def test_function_without_a_table_has_the_defaults(tmp_path: Path) -> None:
    settings = found(tmp_path, "").of("orders")

    assert (settings.memory, settings.timeout, settings.vpc, settings.provisioned) == (512, 15, None, None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("memry = 512", r"functions.orders.memry is not a valid key: did you mean memory\?"),
        ('memory = "512"', "functions.orders.memory must be an integer"),
        ("memory = true", "functions.orders.memory must be an integer"),
        ("vpc = 1", "functions.orders.vpc must be true or false"),
        ("provisioned = 2", "functions.orders.provisioned must be a table"),
        ("provisioned = { min = 2 }", "functions.orders.provisioned lacks max"),
        ("provisioned = { min = 2, max = 3, mean = 2 }", "functions.orders.provisioned.mean is not a valid key"),
        (
            "provisioned = { min = 2, max = 3, schedules.noon = { at = 12, min = 1, max = 1 } }",
            "functions.orders.provisioned.schedules.noon.at must be a string",
        ),
        ('settings = "database"', "functions.orders.settings must be a list of strings"),
        ("environment = { A = 1 }", "functions.orders.environment.A must be a string"),
        ("queues.parcels = { size = 1 }", "functions.orders.queues.parcels.size is not a valid key"),
    ],
)
def test_fault_names_the_key_and_an_example(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(ProjectError, match=rf"(?s){words}.*For example:\n\[tool.org-common.functions"):
        found(tmp_path, f"[tool.org-common.functions.orders]\n{line}")
