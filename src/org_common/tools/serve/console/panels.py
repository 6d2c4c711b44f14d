"""`Panels`: what runs next to the requests: outbox, mail, queues, schedules, caches and secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, LiteralString

from psycopg.rows import dict_row

from org_common.app import App
from org_common.secrets import store
from org_common.tools.database.relay import list_queues, list_refused
from org_common.tools.database.schema import session
from org_common.tools.project.project import ToolError
from org_common.tools.serve.invoke import invoke_schedule
from org_common.tools.serve.queues import LocalQueues

MAX_ITEMS = 50
# In the name of a queue for e-mail: "mail", "e-mails", "send_email", "welcome-mail".
_MAIL = re.compile(r"(?i)(?:^|[^a-z])e?-?mails?(?:[^a-z]|$)")
_OUTBOX_MAIL: LiteralString = """
select id, queue, message from app.outbox where queue ~* 'mail' order by id desc limit %s
"""
_PAGES: LiteralString = """
select blks_hit::int8 as from_memory, blks_read::int8 as from_disk from pg_stat_database
where datname = current_database()
"""


class Panels:
    """Each panel by name, as JSON can hold it. A panel that cannot be read has the key `error`."""

    def __init__(self, apps: Sequence[App], service_url: str, queues: LocalQueues | None = None) -> None:
        """`service_url` is the URL of `app_service`; `queues` are those that the server polls, if it does."""
        self._apps = apps
        self._service_url = service_url
        self._queues = queues
        self._runs: dict[str, dict[str, Any]] = {}

    def read(self) -> dict[str, Any]:
        """All panels as they are now."""
        panels: dict[str, Callable[[], dict[str, Any]]] = {
            "outbox": self._outbox,
            "mail": self._mail,
            "queues": self._queue_panel,
            "schedules": self._schedules,
            "caches": self._caches,
            "secrets": self._secrets,
        }
        return {name: _or_error(panel) for name, panel in panels.items()}

    def run(self, schedule: str) -> dict[str, Any]:
        """Run a schedule once, now; returns how it went. `ToolError` if it is unknown or fails."""
        try:
            app, took_s = invoke_schedule(self._apps, schedule, None)
        except ToolError as error:
            self._runs[schedule] = {"error": str(error)}
            raise
        self._runs[schedule] = {"app": app, "took_ms": round(took_s * 1000, 1)}
        return self._runs[schedule]

    def _outbox(self) -> dict[str, Any]:
        refused = [
            {"id": each.id, "queue": each.queue, "refusals": each.refusals, "reason": each.reason}
            | {"is_parked": each.parked_at is not None, "waiting": each.waiting}
            for each in list_refused(self._service_url)[:MAX_ITEMS]
        ]
        queues = [asdict(each) | {"oldest": None} for each in list_queues(self._service_url)]
        return {
            "queues": queues,
            "refused": refused,
            "delivered": 0 if self._queues is None else self._queues.delivered,
        }

    def _mail(self) -> dict[str, Any]:
        with session(self._service_url, "console") as conn, conn.cursor(row_factory=dict_row) as cursor:
            waiting = cursor.execute(_OUTBOX_MAIL, [MAX_ITEMS]).fetchall()
        sent = [] if self._queues is None else list(self._queues.recent)
        delivered = [{"id": each.id, "queue": each.queue, "message": each.message} for each in reversed(sent)]
        messages = [
            *({**each, "is_delivered": False} for each in waiting),
            *({**each, "is_delivered": True} for each in delivered),
        ]
        return {"messages": [each for each in messages if _MAIL.search(str(each["queue"]))][:MAX_ITEMS]}

    def _queue_panel(self) -> dict[str, Any]:
        if self._queues is None:
            return {"is_running": False, "queues": []}
        return {"is_running": True, "queues": self._queues.status()}

    def _schedules(self) -> dict[str, Any]:
        return {
            "schedules": [
                {"name": trigger.name, "app": app.name, "last_run": self._runs.get(trigger.name), **trigger.details}
                for app in self._apps
                for trigger in app.triggers
                if trigger.kind == "SCHEDULE"
            ]
        }

    def _caches(self) -> dict[str, Any]:
        with session(self._service_url, "console") as conn, conn.cursor(row_factory=dict_row) as cursor:
            pages = cursor.execute(_PAGES).fetchone()
        counters = store.default().counters.as_dict() if self._references() else None
        return {"pages": pages, "secrets": counters}

    def _secrets(self) -> dict[str, Any]:
        return {"secrets": [{"app": app, "name": name} for app, name in self._references()]}

    def _references(self) -> list[tuple[str, str]]:
        return [(app.name, name) for app in self._apps if app.needs for name in app.needs.secrets]


def _or_error(panel: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return panel()
    except Exception as error:  # noqa: BLE001 - the other panels are readable
        return {"error": f"{type(error).__name__}: {error}"}
