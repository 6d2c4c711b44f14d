"""Psycopg is loaded in parts, and is complete for everyone who uses more of it. Each test in a fresh interpreter."""

import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.metadata import requires
from pathlib import Path
from textwrap import dedent

import pytest

from org_common.db.driver import partial_import
from org_common.testing import LocalDatabase

LEFT_OUT = (
    "asyncio",
    "ctypes",
    "importlib.metadata",
    "psycopg.connection",
    "psycopg.cursor",
    "psycopg.types.range",
    "ssl",
)
LOADED = f"sorted(name for name in {LEFT_OUT} if name in sys.modules)"


def run(code: str, **environment: str) -> str:
    """What the code prints. Warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys\n{dedent(code)}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_parts_leave_out_what_a_handler_does_not_use() -> None:
    assert run(f"from org_common import Reader, Transaction\nprint({LOADED})") == "[]"


def test_stand_ins_are_gone_after_the_import() -> None:
    assert (
        run("""
        import org_common.db
        import asyncio, ctypes.util, ssl
        from importlib import metadata
        print(callable(asyncio.run), callable(ctypes.util.find_library), callable(ssl.create_default_context))
    """)
        == "True True True"
    )


@pytest.mark.parametrize(
    "use",
    [
        "psycopg.connect",
        "psycopg.__version__",
        "from psycopg import Connection",
        "from psycopg import *",
        "from psycopg.rows import dict_row; psycopg.Cursor",
        "import psycopg.connection",
        "from psycopg.cursor_async import AsyncCursor",
        "import psycopg.types.range",
        "hasattr(psycopg, 'adapters')",
    ],
)
def test_other_uses_complete_the_package(use: str) -> None:
    assert (
        run(f"""
        import org_common.db, psycopg
        errors, before = psycopg.errors, psycopg
        {use}
        import asyncio, types
        from psycopg import pq, postgres
        assert sys.modules["psycopg"] is before and psycopg.errors is errors and psycopg.OperationalError
        assert type(psycopg) is types.ModuleType
        assert all(sys.modules[name].__spec__.name == name for name in sys.modules if name.startswith("psycopg."))
        assert errors._NO_TRACEBACK[-1] is asyncio.CancelledError
        assert psycopg.adapters.get_loader(23, pq.Format.TEXT) and psycopg.adapters.get_loader(1007, pq.Format.TEXT)
        assert psycopg.connection.Connection is psycopg.Connection is sys.modules["psycopg.connection"].Connection
        assert not any(type(finder).__module__.startswith("org_common") for finder in sys.meta_path)
        print(psycopg.__version__ == __import__("importlib.metadata").metadata.version("psycopg"))
    """)
        == "True"
    )


def test_missing_attribute_is_an_attribute_error() -> None:
    assert (
        run("""
        import org_common.db, psycopg
        try:
            psycopg.nothing
        except AttributeError as error:
            print(error, error.name)
    """)
        == "module 'psycopg' has no attribute 'nothing' nothing"
    )


def test_composing_sql_needs_parts_only() -> None:
    assert (
        run(f"""
        import org_common.db
        from psycopg import errors, sql
        from psycopg.types.json import Jsonb
        import psycopg.pq
        print(sql.SQL("select {{}}").format(sql.Identifier("a")).as_string(), {LOADED})
    """)
        == 'select "a" []'
    )


def test_threads_get_one_complete_package() -> None:
    assert (
        run("""
        import threading
        import org_common.db, psycopg
        names = ["connect", "Cursor", "AsyncConnection", "adapters", "sql", "Pipeline", "rows", "TransactionStatus"]
        uses = [lambda name=name: getattr(psycopg, name, None) for name in names]
        uses += [lambda name=name: __import__(f"psycopg.{name}") for name in ("cursor", "connection", "copy", "rows")]
        start, failed = threading.Barrier(len(uses)), []

        def work(use):
            start.wait()
            try:
                use()
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=[use]) for use in uses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        print(failed, [thread for thread in threads if thread.is_alive()], psycopg.cursor.Cursor is psycopg.Cursor)
    """)
        == "[] [] True"
    )


@pytest.mark.parametrize(
    "begin",
    [
        "import os; os.environ['ORG_COMMON_PSYCOPG'] = 'complete'",
        "import psycopg",
        "import threading; stop = threading.Event(); threading.Thread(target=stop.wait, daemon=True).start()",
    ],
)
def test_package_is_complete_where_parts_are_not_safe(begin: str) -> None:
    assert (
        run(f"{begin}\nfrom org_common import Reader\nimport psycopg, types\nprint(type(psycopg) is types.ModuleType)")
        == "True"
    )


def installed(folder: Path, *names: str) -> ModuleSpec:
    for name in names:
        (folder / name).mkdir()
    return ModuleSpec("psycopg", None, origin=str(folder / "psycopg" / "__init__.py"))


def test_versions_are_read_from_the_folder(tmp_path: Path) -> None:
    spec = installed(
        tmp_path, "psycopg-3.3.9.dist-info", "psycopg_binary-3.3.8.dist-info", "psycopg_pool-3.3.9.dist-info"
    )

    assert partial_import._versions(spec) == {"psycopg": "3.3.9", "psycopg_binary": "3.3.8"}


@pytest.mark.parametrize(
    "names",
    [
        ("psycopg-3.3.9.dist-info",),
        ("psycopg-3.4.0.dist-info", "psycopg_binary-3.4.0.dist-info"),
        ("psycopg-3.3.9.dist-info", "psycopg_binary-3.3.9.dist-info", "psycopg_c"),
        ("psycopg-3.3.9.egg-info", "psycopg_binary-3.3.9.dist-info"),
    ],
)
def test_other_installations_are_not_loaded_in_parts(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert partial_import._versions(installed(tmp_path, *names)) is None


def test_other_implementations_are_not_loaded_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = installed(tmp_path, "psycopg-3.3.9.dist-info", "psycopg_binary-3.3.9.dist-info")
    monkeypatch.setenv("PSYCOPG_IMPL", "c")

    assert partial_import._versions(spec) is None


@pytest.mark.wheel
def test_oldest_version_is_loaded_in_parts_too(tmp_path: Path) -> None:
    [floor] = [line.partition(">=")[2] for line in requires("org-common") or () if line.startswith("psycopg[binary]")]
    packages = [f"psycopg=={floor}", f"psycopg-binary=={floor}"]
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path)]
    subprocess.run([*install, *packages], check=True)

    printed = run(
        f"""
        from org_common import Reader, Transaction
        print({LOADED})
        import psycopg
        print(psycopg.__version__.startswith("{floor}"), psycopg.adapters.get_loader(1009, 0).__name__)
        """,
        PYTHONPATH=str(tmp_path),
    )

    assert printed.splitlines() == ["[]", "True TextArrayLoader"]


@pytest.mark.db
def test_completed_package_talks_to_a_server(database: LocalDatabase) -> None:
    assert (
        run(
            """
        import os
        import org_common.db, psycopg
        from psycopg.rows import dict_row
        with psycopg.connect(os.environ["URL"], row_factory=dict_row) as connection:
            query = "select %s::int[] as ids, daterange('2026-01-01', null) as days"
            row = connection.execute(query, [[1, 2]]).fetchone()
        print(row["ids"], type(row["days"]).__name__)
        """,
            URL=database.admin_url,
        )
        == "[1, 2] Range"
    )


@pytest.mark.db
def test_asynchronous_connection_is_cancelled(database: LocalDatabase) -> None:
    assert (
        run(
            """
        import asyncio, os
        import org_common.db, psycopg

        async def main():
            connection = await psycopg.AsyncConnection.connect(os.environ["URL"])
            sleeping = asyncio.create_task(connection.execute("select pg_sleep(60)"))
            await asyncio.sleep(0.2)
            sleeping.cancel()
            try:
                await sleeping
            except asyncio.CancelledError:
                print("cancelled")
            await connection.close()

        asyncio.run(main())
        """,
            URL=database.admin_url,
        )
        == "cancelled"
    )
