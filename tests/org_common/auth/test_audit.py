import logging

import pytest

from org_common import Identity
from org_common.auth.audit import log_sys_read

IDENTITY = Identity(issuer="https://issuer.test", subject="sam", expires_at=0, email="sam@zq7.example")


@pytest.mark.parametrize(
    ("path", "values", "what", "id"),
    [
        ("/admin/sys/users", {}, "users", None),
        ("/admin/sys/users/{user_id}", {"user_id": 7}, "users", "7"),
        ("/admin/sys/ws/config", {}, "ws/config", None),
        ("/v1/admin/sys/users", {}, "users", None),
        ("/reports/{org_id}/days/{day}", {"org_id": 1, "day": "2026-11-30"}, "reports/days", "1/2026-11-30"),
        ("/", {}, "", None),
    ],
)
def test_line_has_route_reader_and_resource(
    caplog: pytest.LogCaptureFixture, path: str, values: dict[str, object], what: str, id: str | None
) -> None:
    with caplog.at_level(logging.INFO, "org_common.audit"):
        log_sys_read("GET", path, values, IDENTITY)

    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("org_common.audit", "sys_read")
    assert record.__dict__["sys_read"] == {
        "route": f"GET {path}",
        "what": what,
        "id": id,
        "iss": "https://issuer.test",
        "sub": "sam",
    }
    assert "zq7" not in str(record.__dict__)
