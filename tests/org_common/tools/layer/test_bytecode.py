import importlib.util
import marshal
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from org_common.tools.layer import bytecode

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def compiled(folder: Path) -> bytes:
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "orders.py").write_text("PRICES = {'a', 'b', 'c'}\ndef total(): return sum\n")
    bytecode.write(folder, HERE, "/opt/python", docstrings=True)
    return Path(importlib.util.cache_from_source(str(folder / "shop" / "orders.py"))).read_bytes()


def test_byte_code_is_taken_without_a_look_at_its_source(tmp_path: Path) -> None:
    # PEP 552: bit 0 says that it goes by a hash, bit 1 that the hash is to be compared.
    assert struct.unpack("<I", compiled(tmp_path)[4:8]) == (0b01,)


def test_same_source_gives_the_same_bytes_in_any_folder(tmp_path: Path) -> None:
    assert compiled(tmp_path / "one") == compiled(tmp_path / "another" / "deeper")


def test_it_reports_where_lambda_has_the_file(tmp_path: Path) -> None:
    assert b"/opt/python/shop/orders.py" in compiled(tmp_path)


def test_file_for_another_python_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("print 'two'\n")

    assert bytecode.write(tmp_path, HERE, "/opt/python", docstrings=True) == sys.version.split()[0]
    assert not (tmp_path / "__pycache__").exists()


DOCUMENTED = '''"""A module."""
from __future__ import annotations

class Shop:
    """A class."""

    def total(self) -> int:
        """A method with nothing else."""

async def wait() -> str:
    """A function."""
    assert SHOPS, "still there"
    return """not a docstring"""
'''


def test_docstrings_are_left_out_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(DOCUMENTED)
    with_all = marshalled(tmp_path)
    bytecode.write(tmp_path, HERE, "/opt/python", docstrings=False)
    without = marshalled(tmp_path)

    for text in (b"A module.", b"A class.", b"A method with nothing else.", b"A function."):
        assert text in with_all
        assert text not in without
    for text in (b"still there", b"not a docstring"):
        assert text in without


def test_line_numbers_stay_without_docstrings(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(DOCUMENTED)
    bytecode.write(tmp_path, HERE, "/opt/python", docstrings=False)
    module: dict[str, Any] = {"__name__": "shop"}
    module["SHOPS"] = []
    exec(marshal.loads(marshalled(tmp_path)[16:]), module)

    assert module["Shop"]().total() is None
    assert module["Shop"].__doc__ is None
    with pytest.raises(AssertionError) as raised:
        module["wait"]().send(None)
    assert raised.tb.tb_next is not None
    # No columns, which a traceback would underline.
    assert next(iter(raised.tb.tb_next.tb_frame.f_code.co_positions()))[2:] == (None, None)
    assert raised.tb.tb_next.tb_lineno == 1 + DOCUMENTED.splitlines().index('    assert SHOPS, "still there"')


def marshalled(folder: Path) -> bytes:
    if not (folder / "__pycache__").exists():
        bytecode.write(folder, HERE, "/opt/python", docstrings=True)
    return next((folder / "__pycache__").iterdir()).read_bytes()
