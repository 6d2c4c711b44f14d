"""Pydantic loads `secrets` and its plugins as before, only later. Each test in a fresh interpreter."""

import os
import subprocess
import sys
import zipfile
from importlib.metadata import requires
from pathlib import Path
from textwrap import dedent

import pytest

DEFERRED = ("email", "hmac", "importlib.metadata", "_hashlib", "zipfile")
LOADED = f"sorted(name for name in {DEFERRED} if name in sys.modules)"
BUILD = "from org_common import Model\nclass Note(Model):\n    text: str\nNote(text='a')"
PLUGIN = """
seen = []
class Plugin:
    def new_schema_validator(self, schema, schema_type, *args):
        seen.append(schema_type.__name__)
        return None, None, None
plugin = Plugin()
"""


def run(code: str, **environment: str) -> str:
    """What the code prints. Warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys\n{code}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def install_plugin(folder: Path, info: str = "watcher-1.0.dist-info") -> Path:
    (folder / "watcher.py").write_text(PLUGIN)
    (folder / info).mkdir()
    (folder / info / "METADATA").write_text("Metadata-Version: 2.1\nName: watcher\nVersion: 1.0\n")
    (folder / info / "entry_points.txt").write_text("[pydantic]\nwatcher = watcher:plugin\n")
    return folder


def test_a_model_is_built_without_them() -> None:
    assert run(f"{BUILD}\nprint({LOADED})") == "[]"


def test_switch_loads_them_with_pydantic() -> None:
    printed = run(f"{BUILD}\nprint({LOADED})", ORG_COMMON_PYDANTIC="complete")

    assert printed == str(sorted(DEFERRED))


@pytest.mark.parametrize("info", ["watcher-1.0.dist-info", "watcher.egg-info", "Watcher-1.0.DIST-INFO"])
def test_a_plugin_is_found(tmp_path: Path, info: str) -> None:
    folder = install_plugin(tmp_path, info)

    assert run(f"{BUILD}\nimport watcher\nprint(watcher.seen)", PYTHONPATH=str(folder)) == "['Note']"


def test_a_plugin_is_found_in_an_archive(tmp_path: Path) -> None:
    folder = install_plugin(tmp_path)
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.rglob("*"):
            if path.is_file() and path != archive:
                file.write(path, path.relative_to(folder))

    assert run(f"{BUILD}\nimport watcher\nprint(watcher.seen)", PYTHONPATH=str(archive)) == "['Note']"


def test_a_plugin_is_found_by_another_finder(tmp_path: Path) -> None:
    folder = install_plugin(tmp_path)
    finder = dedent(f"""
        from importlib.metadata import Distribution, MetadataPathFinder
        class Finder:
            @staticmethod
            def find_spec(name, path=None, target=None): return None
            @staticmethod
            def find_distributions(context): return MetadataPathFinder.find_distributions(
                type(context)(name=context.name, path=[{str(folder)!r}]))
        sys.meta_path.append(Finder)
        sys.path.append({str(folder)!r})
    """)

    assert run(f"{finder}\n{BUILD}\nimport watcher\nprint(watcher.seen)") == "['Note']"


def test_disabled_plugins_stay_disabled(tmp_path: Path) -> None:
    folder = install_plugin(tmp_path)

    printed = run(
        f"{BUILD}\nimport watcher\nprint(watcher.seen)",
        PYTHONPATH=str(folder),
        PYDANTIC_DISABLE_PLUGINS="watcher",
    )

    assert printed == "[]"


def test_an_environment_without_plugins_is_searched_once() -> None:
    code = f"""
{BUILD}
from org_common.values import pydantic_import
pydantic_import.may_have_plugins = None
class Other(Model):
    number: int
print(Other(number=1).number)
"""
    assert run(code) == "1"


@pytest.mark.parametrize(
    "use",
    [
        "import secrets; token = secrets.token_hex(4)",
        "from secrets import token_hex; token = token_hex(4)",
        "from secrets import *; token = token_hex(4)",
    ],
)
def test_secrets_is_complete_for_everyone(use: str) -> None:
    assert run(f"{BUILD}\n{use}\nimport secrets\nprint(len(token), secrets.compare_digest('a', 'a'))") == "8 True"


def test_secret_values_are_compared() -> None:
    code = "from pydantic import SecretStr\nprint(SecretStr('ä') == SecretStr('ä'), SecretStr('a') == SecretStr('b'))"

    assert run(f"{BUILD}\n{code}") == "True False"


def test_threads_find_one_module() -> None:
    code = f"""
{BUILD}
import threading
stand_in, barrier, found = sys.modules["secrets"], threading.Barrier(8), []
def use():
    barrier.wait()
    found.append(stand_in.compare_digest)
threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
import secrets
print(len(found), set(found) == {{secrets.compare_digest}}, secrets is not stand_in)
"""
    assert run(code) == "8 True True"


def test_modules_that_are_loaded_already_stay() -> None:
    assert run(f"import secrets as before\n{BUILD}\nprint(sys.modules['secrets'] is before)") == "True"


def test_pydantics_own_module_is_complete_for_everyone() -> None:
    code = "from pydantic.plugin import _loader\nprint(_loader._plugins, _loader.PYDANTIC_ENTRY_POINT_GROUP)"

    assert run(f"{BUILD}\n{code}") == "None pydantic"


@pytest.mark.wheel
def test_oldest_version_is_deferred_too(tmp_path: Path) -> None:
    [floor] = [line.partition(">=")[2] for line in requires("org-common") or () if line.startswith("pydantic>=")]
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(tmp_path)]
    subprocess.run([*install, f"pydantic=={floor}"], check=True)
    (tmp_path / "plugin").mkdir()
    folder = install_plugin(tmp_path / "plugin")

    version = "import pydantic\nprint(pydantic.VERSION)"
    alone = run(f"{BUILD}\nprint({LOADED})\n{version}", PYTHONPATH=str(tmp_path)).splitlines()
    watched = run(f"{BUILD}\nimport watcher\nprint(watcher.seen)", PYTHONPATH=f"{tmp_path}:{folder}")

    assert alone[0] == "[]"
    assert alone[1].startswith(floor)
    assert watched == "['Note']"
