"""The whole examination, and the command: moto's account, a real database, a project."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from org_common import PUBLIC, SIGNED_IN, App, Model, Needs, Reader
from org_common.tools.cli import main
from org_common.tools.database.local import LocalDatabase
from org_common.tools.doctor.examine import Report, Scope, examine
from org_common.tools.doctor.variables import secret_kind
from tests.org_common.tools.doctor.conftest import Account, zipped

ORDERS = App("orders", needs=Needs(queues=("mails",)))
LINE = "0.1.0+aaaaaaaaaaaa"
ROLE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/app-??????",
        },
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-central-1:123456789012:mails"},
    ],
}
GOOD = {"ORG_COMMON_DATABASE_SECRET": "prod/app"}


class Note(Model):
    text: str


@ORDERS.get("/orders", allow=SIGNED_IN)
def list_orders(db: Reader) -> list[str]:
    return []


def ids(report: Report) -> list[str]:
    return sorted(finding.id for finding in report.findings)


def deployed(account: Account, **more: str) -> None:
    account.secrets.create_secret(Name="prod/app", SecretString="{}")
    account.function("prod-orders", account.role("orders", ROLE), {**GOOD, **more}, reserved=40)


def look(**more: object) -> Report:
    scope = {"apps": {"orders": ORDERS}, "aws": True, "prefix": "prod-", **more}
    return examine(Scope(**scope))  # type: ignore[arg-type]  # names of Scope


def test_a_function_that_is_as_declared_is_well(account: Account) -> None:
    deployed(account)

    report = look()

    assert [finding for finding in report.findings if finding.id != "aws.refused"] == []
    assert "1 deployed functions" in report.checked


def test_each_thing_wrong_with_a_function_is_a_finding(account: Account) -> None:
    role = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    account.function(
        "prod-orders",
        account.role("orders", role),
        {"ORG_COMMON_DATABASE_SECRET": "prod/none", "ORG_COMMON_CURSOR_KEY": "x", "SMTP_PASSWORD": "hunter2"},
    )

    report = look()
    found = {finding.id for finding in report.findings} - {"aws.refused"}

    assert found == {"environment.secret", "role.exceeds", "role.lacks", "secret.missing", "settings.fault"}
    assert "hunter2" not in repr(report)


def test_queue_of_a_trigger_needs_rights(account: Account) -> None:
    consumed = App("mails")

    @consumed.sqs("mails", allow=SIGNED_IN)
    def send(note: Note) -> None: ...

    log, secret, send_on = ROLE["Statement"]
    consume = {**send_on, "Action": ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]}  # type: ignore[dict-item]
    account.secrets.create_secret(Name="prod/app", SecretString="{}")
    for name, statements in (("prod-mails", [log, secret, consume]), ("test-mails", [log, secret])):
        account.function(name, account.role(name, {**ROLE, "Statement": statements}), GOOD)

    well, without = (look(apps={"mails": consumed}, prefix=prefix) for prefix in ("prod-", "test-"))

    assert [each for each in ids(well) if each.startswith("role.")] == []
    assert [each for each in ids(without) if each.startswith("role.")] == ["role.lacks"] * 3


def test_plain_secrets_of_a_deployed_function_are_faults(account: Account) -> None:
    account.function(
        "prod-orders", account.role("orders", ROLE), {"ORG_COMMON_DATABASE_URL": "postgresql://u:hunter2@db/app"}
    )

    assert {"environment.secret", "settings.fault"} <= set(ids(look()))


def test_an_app_that_is_not_deployed_is_reported(account: Account) -> None:
    assert "function.missing" in ids(look())


def test_functions_of_others_are_looked_at_for_secrets_only(account: Account) -> None:
    account.function("prod-other", account.role("other", ROLE), {"API_KEY": "hunter2"})

    report = look(apps={})

    assert [finding for finding in ids(report) if finding != "aws.refused"] == ["environment.secret"]


def test_builds_are_compared(account: Account, tmp_path: Path) -> None:
    (tmp_path / "shop-orders.zip").write_bytes(zipped({"org-common.function.build": f"{LINE}\npython3.13 any\nx\n"}))
    deployed(account)

    report = look(build=tmp_path, zips={"orders": "shop-orders"})

    assert "build.function" in ids(report)
    assert f"1 zips of {tmp_path}" in report.checked


@pytest.mark.db
def test_functions_are_counted_against_the_server(account: Account, database: LocalDatabase) -> None:
    deployed(account)

    well = look(url=database.login_url)
    full = look(url=database.login_url, concurrency={"prod-users": 10_000})

    assert "budget.exceeded" not in ids(well)
    assert "the connection budget" in well.checked
    assert "budget.exceeded" in ids(full)


def test_local_environment_may_hold_secrets() -> None:
    report = examine(Scope(environ={"SMTP_PASSWORD": "hunter2"}))

    assert (ids(report), report.faults) == (["environment.local"], 0)


def test_lambda_environment_may_not_hold_secrets() -> None:
    report = examine(
        Scope(apps={"orders": ORDERS}, environ={"AWS_LAMBDA_FUNCTION_NAME": "x", "SMTP_PASSWORD": "hunter2"})
    )

    assert ids(report) == ["environment.secret", "settings.login"]


def test_login_whose_secret_cannot_be_read_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_THERE", raising=False)
    monkeypatch.setattr("org_common.secrets.store._default", None)

    report = examine(Scope(environ={"ORG_COMMON_DATABASE_SECRET": "env:NOT_THERE"}))

    [finding] = report.findings
    assert (finding.id, finding.reason) == (
        "database.unreachable",
        "env:NOT_THERE: the variable is not set: set it, or refer to another secret",
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.org-common]\napps = ["small_shop:app"]\n')
    (tmp_path / "small_shop.py").write_text('from org_common import App\n\napp = App("shop")\n')
    monkeypatch.chdir(tmp_path)
    for name, value in list(os.environ.items()):
        # Also without what the shell of this machine has and the doctor would report.
        if name.startswith(("ORG_COMMON_", "AWS_")) or secret_kind(name, value):
            monkeypatch.delenv(name)
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments], catch_exceptions=False)


def test_command_reports_what_it_did_not_check(project: Path) -> None:
    result = call()

    assert result.exit_code == 0
    assert result.output.splitlines()[0] == "checked: routes, this environment"
    assert "not checked: the database (--url" in result.output
    assert result.output.endswith("0 faults, 0 warnings\n")


def test_command_fails_for_a_fault(project: Path) -> None:
    result = call("--url", "postgresql://app_login:hunter2@127.0.0.1:1/app")

    assert result.exit_code == 1
    assert result.output.startswith("fault    database.unreachable  the database: cannot connect as app_login")
    # libpq says it in two lines, of which a table has one.
    assert result.output.splitlines()[1].strip().startswith("fix: ")
    assert "1 fault, 0 warnings" in result.output
    assert "fix: correct its URL" in result.output
    assert "hunter2" not in result.output


def test_command_fails_for_a_warning_when_asked(project: Path, account: Account) -> None:
    assert call("--aws").exit_code == 0
    assert call("--aws", "--strict").exit_code == 1


def test_command_reports_programs(project: Path, account: Account) -> None:
    document = json.loads(call("--aws", "--json").output)

    assert document["faults"] == 0
    assert ("function.missing", "shop") in {(each["id"], each["subject"]) for each in document["findings"]}
    assert document["not_looked_at"]


@pytest.mark.parametrize("text", ["orders", "orders=", "=5", "orders=many"])
def test_concurrency_is_a_name_and_a_number(project: Path, text: str) -> None:
    result = call("--concurrency", text)

    assert result.exit_code == 2
    assert "access-orgs=50" in result.output


def test_outside_of_a_project_there_are_no_apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert "checked: this environment" in call().output


def test_an_app_that_does_not_load_is_reported(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.org-common]\napps = ["small_shop:nothing"]\n')

    result = call()

    assert result.exit_code == 1
    assert "the app small_shop:nothing in pyproject.toml cannot be loaded" in result.output


def test_a_route_without_a_database_needs_no_login() -> None:
    app = App("health")

    @app.get("/health", allow=PUBLIC)
    def health() -> dict[str, str]:
        return {}

    assert ids(examine(Scope(apps={"health": app}, environ={"AWS_LAMBDA_FUNCTION_NAME": "x"}))) == []
