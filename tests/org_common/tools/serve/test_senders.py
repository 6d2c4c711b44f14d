"""E-mail of the local server goes to moto's SES, a fake, which accepts the senders that the environment names."""

from contextlib import ExitStack

import pytest

from org_common import AsService, S3Object
from org_common.app import App
from org_common.tools.serve import devserver
from tests.support.aws import FakeAws


def test_sender_in_the_environment_may_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", "Desk <desk@example.com>")
    monkeypatch.setenv("STARTS_FROM", "zero")
    app = App("mail")

    @app.s3("uploads", allow=AsService("files are of no one"))
    def take_upload(found: S3Object) -> None: ...

    with ExitStack() as stack:
        found = devserver.start_aws([app], stack, None)
        ses = FakeAws(found[devserver.AWS_VARIABLE]).client("sesv2")
        content = {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}}
        sent = ses.send_email(
            FromEmailAddress="desk@example.com", Destination={"ToAddresses": ["erin@example.com"]}, Content=content
        )

        assert sent["MessageId"]
        assert [each["IdentityName"] for each in ses.list_email_identities()["EmailIdentities"]] == ["desk@example.com"]
