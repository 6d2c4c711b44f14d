"""Notes in a container: the same app as in Lambda, behind an ASGI server. See docs/operations/containers.md."""

from notes import app
from org_common import Database, Settings, authorizer, observe
from org_common.asgi import Asgi, Drain
from org_common.db.connections.pool import Pooled


def application() -> Drain:
    """What uvicorn serves: its own pool in each process, and one line of JSON for each request."""
    observe("json")
    settings = Settings.from_env()
    database = Database(settings, Pooled(settings, size=10))
    return Drain(Asgi([app], database=database, authorize=authorizer().authorize))
