"""What an import costs, beside the least that it could cost."""

import harness

FACADE = {
    "import org_common": "import org_common",
    "import json, re, logging": "import json, re, logging",
}
HANDLER = {
    "import cora_modules.access.orgs": "import cora_modules.access.orgs",
    "import psycopg, orjson + pydantic with one deferred model": (
        "import psycopg, orjson\n"
        "from pydantic import BaseModel, ConfigDict\n"
        "class Model(BaseModel):\n"
        "    model_config = ConfigDict(defer_build=True)\n"
        "    id: int\n"
        "    name: str | None"
    ),
}


def main() -> None:
    for title, statements, budget in (("Facade", FACADE, 0.6), ("Handler", HANDLER, 1.08)):
        ours, other = statements
        harness.report(title, harness.imports(statements), [harness.Ratio(f"{title}: ratio", ours, other, budget)])


if __name__ == "__main__":
    main()
