"""A fake of AWS for the local server: moto's server, which keeps queues, buckets and their messages in memory."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from org_common.tools.project.project import ToolError

REGION = "eu-central-1"
# moto's name for the account that owns everything.
ACCOUNT = "123456789012"
START_S = 60.0
# Ends with the process that started it, however that ends.
_SERVER = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(sys.argv[1:])
"""


@dataclass(frozen=True)
class FakeAws:
    """A running fake. It checks no permissions and no signatures."""

    url: str
    """Its endpoint, for all services."""

    @property
    def environ(self) -> dict[str, str]:
        """The variables with which boto3 talks to the fake."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            # Without a metadata service to look for, which takes seconds to fail.
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, region: str = REGION) -> Any:
        """A botocore client of the fake."""
        import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

        return botocore.session.Session().create_client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - the fake checks none
        )


@contextmanager
def start_fake_aws() -> Iterator[FakeAws]:
    """Start moto's server on a free port of 127.0.0.1, and stop it. Raises `ToolError` if it cannot be started."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        raise ToolError("queues run locally on moto, which is not installed: pip install 'org-common[queues]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER, "-H", "127.0.0.1", "-p", str(port)],
        env=_without_aws(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C ends the pollers first.
        process_group=0,
    )
    try:
        _wait(port, process)
        yield FakeAws(f"http://127.0.0.1:{port}")
    finally:
        # It has no state to save, and on a busy machine its own end takes long.
        process.kill()
        process.communicate()


def _without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")}


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise ToolError(f"moto's server did not start (exit code {process.poll()}): try `python -m moto.server`")
