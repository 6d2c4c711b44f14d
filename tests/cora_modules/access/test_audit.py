import logging
from uuid import UUID

import pytest

from cora_modules.access.audit import log_sys_read
from org_common import Identity

ID = UUID("0198a000-0000-7000-8000-000000000001")
IDENTITY = Identity(issuer="https://issuer.test", subject="sam", expires_at=0, email="sam@zq7.example")


@pytest.mark.parametrize(("id", "logged"), [(ID, str(ID)), (None, None)])
def test_line_has_reader_and_resource_without_its_content(
    caplog: pytest.LogCaptureFixture, id: UUID | None, logged: str | None
) -> None:
    with caplog.at_level(logging.INFO, "cora_modules.audit"):
        log_sys_read(IDENTITY, "user", id)

    (record,) = caplog.records
    assert record.__dict__["sys_read"] == {"what": "user", "id": logged, "iss": "https://issuer.test", "sub": "sam"}
    assert "zq7" not in str(record.__dict__)
