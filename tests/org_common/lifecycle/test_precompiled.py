"""In processes of their own: what is imported already has compiled its texts."""

import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest

import org_common
from org_common.lifecycle import precompiled
from org_common.tools.layer import precompile

PATH = [Path(org_common.__file__).parents[1], *map(Path, filter(None, sys.path))]
# Compilations of source text, by the module that asks for them, and of patterns, from here on.
COUNT = """
import collections, re, sys
counted = collections.Counter()
def count(event, arguments):
    if event == "compile":
        # The code that stands for the names `compile`, `exec` and `eval` is not who asks.
        frame = sys._getframe(1)
        while frame.f_code.co_filename.endswith("precompiled.py"):
            frame = frame.f_back
        # Modules without bytecode, in a checkout.
        if not frame.f_code.co_filename.startswith("<frozen importlib"):
            counted[frame.f_code.co_filename.rsplit("/", 1)[-1]] += 1
sys.addaudithook(count)
re._compiler._sre = type("Sre", (), {"__getattr__": lambda self, name: getattr(sys.modules["_sre"], name),
    "compile": lambda self, *made: counted.update(["re"]) or sys.modules["_sre"].compile(*made)})()
"""
FACE = "import org_common; org_common.App, org_common.Model, org_common.Reader, org_common.Transaction, org_common.Page"


def run(code: str, file: Path | str, *options: str) -> str:
    environment = {**os.environ, precompiled.SWITCH: str(file)}
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layer") / precompiled.FILE
    precompile.write(path, Path(sys.executable), PATH)
    return path


def test_imports_compile_nothing_that_the_file_has(file: Path) -> None:
    counted = run(f"{COUNT}\n{FACE}\nprint(dict(counted))", file)

    # typing_inspection writes its functions itself.
    assert set(eval(counted)) <= {"typing_objects.py"}


def test_without_the_file_they_do() -> None:
    counted = run(f"{COUNT}\n{FACE}\nprint(dict(counted))", "off")

    assert set(eval(counted)) > {"typing.py", "dataclasses.py", "__init__.py", "re"}


# Each line of output describes what a module made of a text.
MADE = """
import dataclasses, typing, collections, re, sys
{face}
import annotated_types, pydantic_core.core_schema as schemas, psycopg.errors, pydantic
for name, value in sorted(vars(schemas).items()):
    if typing.is_typeddict(value):
        print(name, sorted((key, str(each), each.__forward_code__.co_code.hex(), each.__forward_code__.co_consts)
              for key, each in value.__annotations__.items() if isinstance(each, typing.ForwardRef)))
for name, value in sorted(vars(annotated_types).items()):
    if dataclasses.is_dataclass(value):
        for method in ("__init__", "__repr__", "__eq__", "__hash__"):
            code = getattr(getattr(value, method), "__code__", None)
            print(name, method, code and (code.co_code.hex(), code.co_names, code.co_varnames, code.co_filename))
for module in sorted(sys.modules):
    for name, value in sorted(vars(sys.modules[module]).items(), key=str):
        if isinstance(value, re.Pattern):
            print(module, name, value.pattern, value.flags, value.groups, value.groupindex)
"""


def test_what_is_made_is_the_same(file: Path) -> None:
    code = MADE.format(face=FACE)

    assert run(code, file) == run(code, "off")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?i)straße|ΣΊΣΥΦΟΣ|[à-þ]+", "STRASSE Straße σίσυφος ÀÞ"),
        (r"(?P<year>\d{4})-(?P<month>\d\d)(?!\d)", "2026-11 202-1 2026-111"),
        (rb"\$(\w+)|(?<=a)b+?", b"$one ab abb"),
        (r"^\s*(\w+)\b(?#words)(?=\s|$)", " first second"),
    ],
)
def test_patterns_match_alike(tmp_path: Path, pattern: str | bytes, text: str | bytes) -> None:
    (tmp_path / "words.py").write_text(f"import re\nFOUND = [m.groups() for m in re.finditer({pattern!r}, {text!r})]\n")
    own = tmp_path / "file"
    precompile.write(own, Path(sys.executable), [tmp_path, *PATH], ["words"])
    code = f"{COUNT}\nimport org_common; org_common.App\nsys.path.insert(0, {str(tmp_path)!r})\nimport words\n"

    with_file, without = run(code + "print(words.FOUND, counted['re'])", own), run(code + "print(words.FOUND)", "off")
    assert with_file == f"{without} 0"


def test_unknown_text_is_compiled_as_usual(file: Path) -> None:
    code = """
import org_common; org_common.App
import dataclasses, re, typing
from org_common.lifecycle import precompiled
@dataclasses.dataclass(frozen=True)
class Odd:
    a_name_that_no_package_has: int = 3
print(precompiled.is_used, Odd(4), re.match("a{2}nowhere_else", "aanowhere_else").end(),
      typing.get_type_hints(type("Odder", (), {"__annotations__": {"x": "list[dict[str, bytearray]]"}}))["x"])
for wrong in (lambda: re.compile("(nowhere"), lambda: typing.ForwardRef("nowhere or ("), lambda: re.compile("[[a]")):
    try:
        wrong()
    except Exception as error:
        print(type(error).__name__, error)
"""
    printed = run(code, file, "-W", "ignore").splitlines()
    assert printed[0] == "True Odd(a_name_that_no_package_has=4) 14 list[dict[str, bytearray]]"
    assert printed[1:] == run(code, "off", "-W", "ignore").splitlines()[1:]
    assert [line.split()[0] for line in printed[1:]] == [
        "PatternError" if sys.version_info >= (3, 13) else "error",
        "SyntaxError",
    ]


def test_pattern_that_python_warns_of_warns_again(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text("import re\nWORD = re.compile('[[a]')\n")
    own = tmp_path / "file"
    precompile.write(own, Path(sys.executable), [tmp_path, *PATH], ["words"])

    assert marshal.loads(own.read_bytes())[2].keys().isdisjoint({("[[a]", 0)})


@pytest.mark.parametrize("damage", ["cut", "empty", "other Python", "text"])
def test_file_that_does_not_fit_is_left_alone(file: Path, tmp_path: Path, damage: str) -> None:
    data = file.read_bytes()
    _, sources, patterns = marshal.loads(data)
    other = marshal.dumps(((b"\0\0\0\0", 20171005, 0), sources, patterns))
    damaged = {"cut": data[:-100], "empty": b"", "other Python": other, "text": b"not a file of ours"}[damage]
    (tmp_path / "damaged").write_bytes(damaged)
    code = (
        "import org_common; org_common.Model\nfrom org_common.lifecycle import precompiled\nprint(precompiled.is_used)"
    )

    assert run(code, tmp_path / "damaged") == "False"
    assert run(code, tmp_path / "missing") == "False"
    assert run(code, file) == "True"
    assert run(code, file, "-O") == "False"


def test_same_packages_give_the_same_bytes(file: Path, tmp_path: Path) -> None:
    precompile.write(tmp_path / "again", Path(sys.executable), PATH)

    assert (tmp_path / "again").read_bytes() == file.read_bytes()
