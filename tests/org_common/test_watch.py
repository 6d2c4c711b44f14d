"""Where nobody looks, nothing is seen and nothing costs."""

import pytest

from org_common.http.request import Request
from org_common.http.response import Response
from org_common.identity import Identity
from org_common.invocation import current
from org_common.types import Deadline, LocalContext
from org_common.watch import NOTHING


def test_nothing_is_bound_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    request = Request("GET", "/", "/", "", {}, b"", "r-1", None, Deadline.after(1))

    with NOTHING as watch:
        watch.request(request)
        watch.caller(Identity(issuer="i", subject="s", expires_at=1))
        watch.problem("not_found")
        watch.answered(Response())
        seen = current.get()

    assert seen is None
    assert capsys.readouterr() == ("", "")
    assert LocalContext("r-1", 1).aws_request_id == "r-1"
