"""The local server, in a thread of this process: what `org-common dev` serves, on a database that is there already."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from cora_modules import demo
from org_common.tools.database.local import LocalDatabase
from org_common.tools.project import apps
from org_common.tools.project.project import Project
from org_common.tools.serve import devserver
from org_common.tools.serve.issuer import ISSUER, LocalIssuer

ROOT = Path(__file__).parents[2]


class Served:
    """Where it is, and who vouches for its people."""

    def __init__(self, port: int, issuer: LocalIssuer) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.issuer = issuer


@contextmanager
def served(local: LocalDatabase, data: Path) -> Iterator[Served]:
    """This repository's apps with their demo data. The current folder is the repository's."""
    demo.seed(local.admin_url, ISSUER)
    # Variables that the caller has set already stay as they are meanwhile: threads of queues read them.
    with pytest.MonkeyPatch.context() as patch:
        for name, value in devserver.environment(local, data).items():
            patch.setenv(name, value)
        application = devserver.application()
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield Served(listener.getsockname()[1], LocalIssuer.load(data))
        finally:
            server.should_exit = True
            thread.join()
            devserver.stop_queues()
            for app in apps.load(Project.find(ROOT)):
                app.use(None)
