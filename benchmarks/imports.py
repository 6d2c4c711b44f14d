"""The time of imports, compared with the minimum of their dependencies."""

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
_MODELS = "\n".join(f"class Model{at}(Model):\n    id: int\n    name: str | None" for at in range(5))
_ROUTES = "\n".join(
    f"@app.post('/things{at}/{{thing_id}}', allow=PUBLIC)\n"
    f"def handler{at}(thing_id: int, body: Model{at % 5}, limit: int = 5) -> Model{at % 5}: ..."
    for at in range(10)
)
APP = {
    "an app of 10 routes and 5 models": (
        f"from org_common import PUBLIC, App, Model\n{_MODELS}\napp = App('ten')\n{_ROUTES}"
    ),
    "import orjson + pydantic with one deferred model": (
        "import orjson\n"
        "from pydantic import BaseModel, ConfigDict\n"
        "class Model(BaseModel):\n"
        "    model_config = ConfigDict(defer_build=True)\n"
        "    id: int\n"
        "    name: str | None"
    ),
}


def main() -> None:
    for title, statements, budget in (("Facade", FACADE, 0.6), ("Handler", HANDLER, 1.08), ("App", APP, 1.08)):
        ours, other = statements
        harness.report(title, harness.imports(statements), [harness.Ratio(f"{title}: ratio", ours, other, budget)])


if __name__ == "__main__":
    main()
