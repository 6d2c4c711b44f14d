import subprocess
import sys


def test_help_imports_no_tool() -> None:
    code = """
import sys
from org_common.tools.cli import main
main(["db", "--help"], standalone_mode=False)
print("loaded:", sorted({"psycopg", "pydantic", "org_common.tools.schema", "uvicorn"} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "bootstrap" in result.stdout
    assert result.stdout.endswith("loaded: []\n")
