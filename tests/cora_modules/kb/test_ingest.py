"""The trigger of the worker."""

import pytest

from cora_modules.kb import ingest
from org_common import Database
from org_common.db import service as service_module
from org_common.testing.client import Client
from tests.cora_modules.kb.uploads import MARKDOWN, Uploads
from tests.cora_modules.kb.world import HANDBOOK

pytestmark = pytest.mark.db


def test_message_of_complete_is_delivered_to_the_worker(uploads: Uploads, service: Database) -> None:
    """The trigger with the outbox, and twice: the second delivery finds nothing to do."""
    document_id = uploads.add(MARKDOWN, values={"status": "pending"})
    path = f"/kb/{HANDBOOK}/documents/{document_id}/complete"
    assert uploads.world.as_("dave").send("POST", path).status == 200
    service_module.use(service)
    try:
        client = Client(ingest.app)
        first = client.deliver(uploads.world.local.service_url)
        chunks = uploads.chunks(document_id)
        second = client.deliver_record("ingest", {"documentId": str(document_id), "baseId": str(HANDBOOK)})
    finally:
        service_module.use(None)

    assert ((first.handled, first.failed), (second.handled, second.failed)) == ((1, []), (1, []))
    assert uploads.chunks(document_id) == chunks != []
    assert len(uploads.calls()) == 1


@pytest.mark.parametrize("body", ["{", "{}", '{"documentId": "x", "baseId": "y"}'])
def test_broken_message_is_given_back(uploads: Uploads, body: str) -> None:
    """SQS moves it to the dead-letter queue."""
    delivery = Client(ingest.app).deliver_record("ingest", body)

    assert (delivery.handled, len(delivery.failed)) == (0, 1)
