from typing import Any

import pytest

from org_common import App, Needs
from org_common.tools.doctor import iam
from org_common.tools.doctor.needs import needs_of
from tests.org_common.tools.manifest import depot

SQS = "arn:aws:sqs:eu-central-1:123456789012:"
CONSUME = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]


def statements(*rights: tuple[Any, str]) -> list[iam.Statement]:
    document = {"Statement": [{"Effect": "Allow", "Action": action, "Resource": arn} for action, arn in rights]}
    return iam.parse("function", document)


def test_queues_of_triggers_are_consumed() -> None:
    assert needs_of(depot.app, "", []).consumes == ("parcels", "return-events")


@pytest.mark.parametrize("deployed", ["parcels", "prod-parcels", "parcels.fifo", "prod-parcels.fifo"])
def test_queue_has_the_name_that_the_role_allows(deployed: str) -> None:
    found = needs_of(depot.app, "prod-", statements((CONSUME, f"{SQS}{deployed}")))

    assert found.consumes == (deployed, "return-events")


def test_declared_names_are_those_of_the_role_too() -> None:
    rights = statements(("sqs:SendMessage", f"{SQS}prod-labels"), ("s3:GetObject", "arn:aws:s3:::prod-invoices/*"))

    found = needs_of(depot.app, "prod-", rights)

    assert (found.queues, found.buckets) == (("prod-labels",), ("prod-invoices",))
    assert (found.secrets, found.actions) == (depot.app.needs.secrets, depot.app.needs.actions)  # type: ignore[union-attr]


def test_right_to_something_else_gives_no_name() -> None:
    app = App("shop", needs=Needs(queues=("labels",)))

    assert needs_of(app, "prod-", statements(("sqs:ReceiveMessage", f"{SQS}prod-labels"))).queues == ("labels",)


def test_arn_stays() -> None:
    app = App("shop", needs=Needs(queues=(f"{SQS}labels",)))

    assert needs_of(app, "prod-", []).queues == (f"{SQS}labels",)
