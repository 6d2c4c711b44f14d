"""What an import costs, and what the package says of itself. Each in a fresh interpreter."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import org_common

FACADE = Path(org_common.__file__)

NOTHING_HEAVY = {
    *("asyncio", "boto3", "botocore", "cryptography", "email", "jwt", "orjson"),
    *("psycopg", "psycopg_pool", "pydantic", "pydantic_core", "tenacity", "typing"),
}
NO_TOOLS = {
    *("boto3", "botocore", "click", "cryptography", "httpx", "jwt", "psycopg_pool", "tenacity", "uvicorn"),
    *("org_common.asgi", "org_common.testing", "org_common.tools"),
}


def test_public_names_are_those_of_the_table() -> None:
    table = sorted(org_common._HOME_OF)

    assert sorted(org_common.__all__) == table


def test_type_checkers_see_the_homes_of_the_table() -> None:
    [block] = [node for node in ast.parse(FACADE.read_text()).body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]

    seen = {node.module: tuple(alias.name for alias in node.names) for node in imports}

    assert seen == org_common._HOMES


@pytest.mark.parametrize("name", org_common.__all__)
def test_public_name_comes_from_its_home(name: str) -> None:
    home = importlib.import_module(org_common._HOME_OF[name])

    assert getattr(org_common, name) is getattr(home, name)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'org_common' has no attribute 'nothing'"):
        _ = org_common.nothing


def test_dir_lists_the_public_names() -> None:
    assert set(org_common.__all__) <= set(dir(org_common))


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded("import org_common") & NOTHING_HEAVY == set()


def test_app_without_database_and_models_loads_neither() -> None:
    answered = """
        from org_common import PUBLIC, App
        from org_common.events import http_api as gateway
        from org_common.values.types import LocalContext

        app = App("small")

        @app.get("/health", allow=PUBLIC)
        def health() -> dict[str, str]:
            return {"status": "ok"}

        assert app(gateway.event("GET", "/health"), LocalContext("1", 3.0))["statusCode"] == 200
    """

    assert loaded(answered) & {"psycopg", "pydantic", "pydantic_core"} == set()


def test_reader_brings_psycopg_and_no_pydantic() -> None:
    modules = loaded("from org_common import Reader")

    assert "psycopg" in modules
    assert "pydantic" not in modules


@pytest.mark.parametrize("module", ["invites", "orgs", "users"])
def test_module_loads_no_tools(module: str) -> None:
    assert loaded(f"import cora_modules.access.{module}") & NO_TOOLS == set()


def test_settings_are_light() -> None:
    modules = loaded("from org_common import Settings; Settings(); Settings.from_env({})")

    assert modules & (NOTHING_HEAVY | {"difflib", "logging", "re", "urllib.parse", "org_common.secrets"}) == set()


def test_module_loads_nothing_that_fetches_secrets() -> None:
    modules = loaded("import cora_modules.access.orgs")

    assert [
        name for name in modules if name.startswith(("boto", "org_common.secrets", "org_common.config.settings_reader"))
    ] == []


def test_secret_from_the_extension_loads_no_botocore() -> None:
    fetched = """
        import os
        from tests.support.extension import FakeExtension

        with FakeExtension() as extension:
            os.environ |= extension.environ
            extension.secrets["prod/openai"] = '{"key": "of-the-test"}'
            from org_common import get_secret
            assert get_secret("prod/openai#key").reveal() == "of-the-test"
    """

    assert [name for name in loaded(fetched) if name.startswith("boto")] == []


def test_module_opens_no_socket_and_starts_no_thread() -> None:
    watched = """
        import os, stat, sys, threading

        def sockets():
            # libpq's are made in C, where no audit hook sees them.
            return sum(stat.S_ISSOCK(os.stat(f"/dev/fd/{name}").st_mode) for name in os.listdir("/dev/fd")
                       if os.path.exists(f"/dev/fd/{name}"))

        before, events = sockets(), []
        sys.addaudithook(lambda event, args: events.append(event))

        import cora_modules.access.orgs

        forbidden = ("socket.", "_thread.", "subprocess.", "os.fork", "os.posix_spawn")
        assert [event for event in events if event.startswith(forbidden)] == []
        assert threading.active_count() == 1
        assert sockets() == before
    """

    run(watched)


def loaded(code: str) -> set[str]:
    """The modules that the code brings, beyond those of the interpreter's start."""
    before_and_after = f"import sys\nbefore = set(sys.modules)\n{dedent(code)}\nprint(*(set(sys.modules) - before))"
    return set(run(before_and_after).split())


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
