"""The authorizer as Lambda starts it: in a new process, with one environment variable."""

import json
import os
import subprocess
import sys
from textwrap import dedent

import pytest

ISSUERS = '[{"url": "https://issuer.test", "audience": "api", "algorithms": ["ES256"]}]'


def run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORG_COMMON_")}
    return subprocess.run(
        [sys.executable, "-c", dedent(code)], env=environment | environ, capture_output=True, text=True, check=False
    )


def test_import_loads_neither_database_nor_models() -> None:
    code = "import json, sys; from cora_modules.access.authorizer import app; print(json.dumps(list(sys.modules)))"

    process = run(code, ORG_COMMON_ISSUERS=ISSUERS)

    loaded = set(json.loads(process.stdout))
    assert (
        loaded & {"psycopg", "pydantic", "pydantic_core", "orjson", "asyncio", "boto3", "tenacity", "uvicorn"} == set()
    )
    assert {"jwt", "cryptography"} <= loaded


def test_import_opens_no_socket_and_starts_no_thread() -> None:
    code = """
        import sys, threading
        events = []
        sys.addaudithook(lambda event, args: events.append(event))
        import cora_modules.access.authorizer
        forbidden = ("socket.connect", "socket.getaddrinfo", "_thread.", "subprocess.")
        assert [event for event in events if event.startswith(forbidden)] == []
        assert threading.active_count() == 1
    """

    assert run(code, ORG_COMMON_ISSUERS=ISSUERS).stderr == ""


@pytest.mark.parametrize("settings", ["[]", "{", '[{"url": "https://a.test"}]'])
def test_invalid_settings_fail_the_import(settings: str) -> None:
    process = run("import cora_modules.access.authorizer", ORG_COMMON_ISSUERS=settings)

    assert process.returncode == 1
    assert "SettingsError: ORG_COMMON_ISSUERS" in process.stderr


def test_bad_token_is_a_401_without_network_and_database() -> None:
    code = """
        import sys
        from cora_modules.access.authorizer import app
        events = []
        sys.addaudithook(lambda event, args: events.append(event))
        event = {"version": "2.0", "type": "REQUEST", "headers": {"authorization": "Bearer a.b.c"}}
        try:
            app(event, None)
        except Exception as error:
            print(error)
        assert [event for event in events if event.startswith("socket.")] == []
    """

    assert run(code, ORG_COMMON_ISSUERS=ISSUERS).stdout == "Unauthorized\n"
