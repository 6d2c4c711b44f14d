"""Whatever is done to stdlib's logging after the app was made: lines are written once, and masked everywhere."""

from __future__ import annotations

import io
import logging
import logging.config
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from org_common import PUBLIC, App
from org_common.telemetry import log
from org_common.telemetry.attachment import Attachment
from org_common.testing.client import Client
from tests.support.lines import Sink, untouched_logging

SECRET = "hunter2"
SHOP = log.get_logger("shop.attached")
Change = Callable[[Path], object]
STREAM = io.StringIO()


def stream() -> logging.Handler:
    return logging.StreamHandler(STREAM)


def config(**root: Any) -> dict[str, Any]:
    handlers = {"console": {"()": stream}}
    return {"version": 1, "handlers": handlers, "root": {"handlers": ["console"], "level": "INFO"}, **root}


def from_file(path: Path) -> None:
    file = path / "logging.ini"
    file.write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[logger_root]\nhandlers=h\nlevel=INFO\n"
        "[handler_h]\nclass=StreamHandler\nargs=()\n"
    )
    logging.config.fileConfig(file)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(STREAM)


def from_file_and_dict(path: Path) -> None:
    from_file(path)
    logging.config.dictConfig(config())


CHANGES: dict[str, Change] = {
    "nothing": lambda _: None,
    "dictConfig": lambda _: logging.config.dictConfig({"version": 1}),
    "dictConfig with a root": lambda _: logging.config.dictConfig(config()),
    "dictConfig without disabling": lambda _: logging.config.dictConfig(config(disable_existing_loggers=False)),
    "fileConfig": from_file,
    "basicConfig": lambda _: logging.basicConfig(),
    "basicConfig with force": lambda _: logging.basicConfig(force=True, stream=STREAM, level=logging.INFO),
    "another handler": lambda _: logging.getLogger().addHandler(stream()),
    "no handlers": lambda _: logging.getLogger().handlers.clear(),
    "disabled": lambda _: setattr(logging.getLogger("org_common"), "disabled", True),
    "twice": from_file_and_dict,
}


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    STREAM.seek(0)
    STREAM.truncate()
    disabled = dict(logging.root.manager.loggerDict)
    with untouched_logging():
        yield
    for logger in disabled.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Sink:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    monkeypatch.setenv("ORG_COMMON_TRACES", "off")
    made = Sink()
    handler = logging.StreamHandler()
    handler.log_sink = made  # type: ignore[attr-defined]
    logging.getLogger().addHandler(handler)
    return made


def fails() -> Client:
    app = App("attached")

    @app.get("/x", allow=PUBLIC)
    def x() -> None:
        SHOP.info("order of %s", f"token={SECRET}", extra={"api_key": SECRET, "order": {"password": SECRET}})
        raise RuntimeError(f"password={SECRET}")

    client = Client(app)
    client.get("/x")
    return client


@pytest.mark.parametrize("change", CHANGES)
def test_lines_are_written_once_and_with_the_exception(sink: Sink, tmp_path: Path, change: str) -> None:
    client = fails()
    sink.written.clear()

    CHANGES[change](tmp_path)
    assert client.get("/x").status == 500

    lines = sink.lines
    assert [line["message"] for line in lines] == ["order of token=***", "GET /x failed", "GET /x 500"]
    assert lines[1]["error"]["message"] == "password=***"
    assert lines[1]["request_id"] == lines[2]["request_id"]


@pytest.mark.parametrize("change", CHANGES)
def test_other_handlers_of_the_root_get_no_secret(sink: Sink, tmp_path: Path, change: str) -> None:
    client = fails()

    CHANGES[change](tmp_path)
    client.get("/x")
    logging.getLogger(f"library.{change}").warning("GET /?token=%s", SECRET)

    assert SECRET not in STREAM.getvalue()
    assert SECRET not in str(sink.written)
    others = [each for each in logging.getLogger().handlers if not isinstance(each, log.Handler)]
    assert all("?token=***" in STREAM.getvalue() for each in others if getattr(each, "stream", None) is STREAM)


def test_choice_of_the_program_stays(sink: Sink) -> None:
    client = fails()
    sink.written.clear()
    own = logging.getLogger("org_common")

    own.setLevel(logging.CRITICAL)
    client.get("/x")
    own.setLevel(logging.NOTSET)

    assert [line["message"] for line in sink.lines] == ["order of token=***", "GET /x 500"]


def test_removed_handler_leaves_nothing_behind(sink: Sink, tmp_path: Path) -> None:
    client = fails()
    from_file(tmp_path)
    client.get("/x")

    log.unconfigure()

    handlers = [each for name in ("", "org_common", "shop.attached") for each in logging.getLogger(name).handlers]
    assert not [each for each in handlers if isinstance(each, log.Handler)]
    assert not [masking for each in handlers for masking in each.filters]


def test_asking_costs_next_to_nothing(sink: Sink) -> None:
    attachment = Attachment(log.configure(), ["shop"])
    attachment.ensure()

    # 0.04 us: it is asked for each request.
    assert min(timeit.repeat(attachment.ensure, number=1000, repeat=20)) / 1000 < 5e-6
