import importlib.util
import struct
import sys
from pathlib import Path

from org_common.tools.layer import bytecode

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def compiled(folder: Path) -> bytes:
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "orders.py").write_text("PRICES = {'a', 'b', 'c'}\ndef total(): return sum\n")
    bytecode.write(folder, HERE, "/opt/python")
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

    assert bytecode.write(tmp_path, HERE, "/opt/python") == sys.version.split()[0]
    assert not (tmp_path / "__pycache__").exists()
