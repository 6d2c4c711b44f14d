import subprocess
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from org_common import PUBLIC, App
from org_common.tools.openapi.document import document, dump, without_extensions
from org_common.tools.project.apps import load
from org_common.tools.project.project import Project, ToolError
from tests.docs.console import environment
from tests.org_common.tools.openapi import shop

ROOT = Path(__file__).parents[4]


def handler() -> None:
    pass


def app(name: str, *paths: str) -> App:
    made = App(name)
    for path in paths:
        function = handler
        if "{" in path:

            def function(id: str) -> None:  # type: ignore[misc]
                pass

        made.get(path, allow=PUBLIC)(function)
    return made


def test_document_is_valid() -> None:
    validate(document([shop.app], title="Shop", version="1.2", servers=["https://api.test"]))


def test_document_of_this_project_is_valid() -> None:
    apps = load(Project.find(ROOT))

    made = document(apps, title="CORA")

    validate(made)
    operations = [each for methods in made["paths"].values() for each in methods.values()]
    assert len(operations) == sum(len(each.routes) for each in apps)
    assert len({each["operationId"] for each in operations}) == len(operations)


def test_document_is_the_same_each_time() -> None:
    code = (
        "from org_common.tools.openapi.document import document, dump\n"
        "from tests.org_common.tools.openapi import shop\n"
        "print(dump(document([shop.app], title='Shop')), end='')"
    )
    made = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**environment(), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]

    assert made[0] == made[1] == dump(document([shop.app], title="Shop"))


def test_order_of_paths_is_that_of_their_names() -> None:
    made = document([app("b", "/z"), app("a", "/a")], title="x")

    assert list(made["paths"]) == ["/a", "/z"]
    assert [each["name"] for each in made["tags"]] == ["b", "a"]


def test_app_is_a_tag_with_the_words_of_its_module() -> None:
    made = document([shop.app], title="Shop")

    assert made["tags"] == [
        {"name": "shop-orders", "description": "An app with an example of everything that a document contains."}
    ]


def test_operation_is_named_by_its_app_and_handler() -> None:
    made = document([app("shop-a", "/a", "/b"), app("shop-b", "/c")], title="x")

    assert [each["get"]["operationId"] for each in made["paths"].values()] == [
        "shopA_handler",
        "shopA_handler_get_b",
        "shopB_handler",
    ]


def test_methods_of_a_path_may_be_of_several_apps() -> None:
    other = App("b")
    other.post("/a", allow=PUBLIC)(handler)

    made = document([app("a", "/a"), other], title="x")

    assert list(made["paths"]["/a"]) == ["get", "post"]


def test_same_route_of_two_apps_is_refused() -> None:
    with pytest.raises(ToolError, match="GET /a is declared by a and by b: remove one of them"):
        document([app("a", "/a"), app("b", "/a")], title="x")


def test_one_path_with_two_names_for_its_parameter_is_refused() -> None:
    other = App("b")

    @other.post("/things/{thing_id}", allow=PUBLIC)
    def change(thing_id: str) -> None:
        pass

    with pytest.raises(ToolError, match=r"/things/\{id\} of a and /things/\{thingId\} of b are the same path"):
        document([app("a", "/things/{id}"), other], title="x")


def test_rules_can_be_left_out() -> None:
    made = document([shop.app], title="Shop")

    assert '"x-' in dump(made)
    assert '"x-rule' not in dump(without_extensions(made))
    validate(without_extensions(made))


def test_identity_source_is_a_security_scheme() -> None:
    made = document([shop.app], title="Shop")

    assert made["components"]["securitySchemes"]["fromAuthorizer"]["scheme"] == "bearer"
