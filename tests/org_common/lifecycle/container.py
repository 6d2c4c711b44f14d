"""What runs in the container of the tests: an app behind `Drain`, as a process of uvicorn."""

import os
import sys
import time

import uvicorn

from org_common import PUBLIC, App, Bearer, Reader, Settings, observe
from org_common.asgi import Asgi, Drain
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from org_common.lifecycle.drain import Receive, Scope, Send

app = App("container", identity=Bearer())


@app.get("/slow", allow=PUBLIC)
def slow() -> int:
    """The process; takes a while."""
    time.sleep(0.2)
    return os.getpid()


@app.get("/read", allow=PUBLIC)
def read(db: Reader) -> str:
    return str(db.value("select current_user::text"))


class Counted:
    """Responds to /arrived with the number of other requests that have arrived."""

    def __init__(self, app: Asgi) -> None:
        self._app = app
        self._arrived = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/arrived":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": str(self._arrived).encode()})
            return
        self._arrived += scope["type"] == "http"
        await self._app(scope, receive, send)


def application() -> Drain:
    observe("json")
    settings = Settings.from_env()
    served = Asgi([app], database=Database(settings, Pooled(settings, size=10)), threads=40)
    return Drain(Counted(served), wait_s=float(os.environ["WAIT_S"]))


if __name__ == "__main__":
    # As the command line does it, on a port that the parent has opened: it cannot be taken in between.
    uvicorn.run(
        application,
        factory=True,
        fd=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=60,
        timeout_keep_alive=75,
    )
