"""What the event sources share."""

import sys

import pytest

from org_common import Response
from org_common.events import event_source
from org_common.events import http_api as gateway


@pytest.mark.runtime
@pytest.mark.skipif(sys.platform != "linux", reason="AWS's runtime client is for Linux")
@pytest.mark.parametrize("body", [b"{}", b'{"a": "\xc3\xa9 \xf0\x9f\x98\x80 \\u0000"}', b"\xff\x00", b"\x00\x1f\x7f\n"])
def test_answer_is_measured_as_the_runtime_client_writes_it(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    monkeypatch.setenv("AWS_EXECUTION_ENV", f"AWS_Lambda_python3.{sys.version_info.minor}")
    made = gateway.answer(Response(body, headers={"x-name": "é"}, cookies=["a=1"]))

    assert event_source.size_bytes(made) == len(marshaller.to_json(made).encode())
