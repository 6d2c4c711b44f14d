"""What the local server answers is what its document says: requests made up from it, right ones and wrong ones.

schemathesis makes the requests; ids of what is there go into half of the paths, or all would end at a 404.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cora_modules import demo
from org_common.tools.openapi.document import document
from org_common.tools.project import apps
from org_common.tools.project.project import Project
from tests.contract.conftest import Tally
from tests.contract.scale import CASES, SEED
from tests.support.served import Served

pytestmark = pytest.mark.db

ROOT = Path(__file__).parents[2]
DOCUMENT = document(apps.load(Project.find(ROOT)), title="CORA")
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
# What removes comes last, or there would be little left to ask for.
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
OPERATIONS = sorted(
    (found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)),
    key=lambda each: (METHODS.index(each.method.upper()), -len(each.path)),
)
EXAMPLES = max(2, CASES // (2 * len(OPERATIONS)))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Nobody has no token, and a stranger has a good one that the platform does not know.
PEOPLE = (*demo.PEOPLE, "stranger", None)
# Of a collection's path, the parameter that its members are named by: "/orgs" of "/orgs/{orgId}".
NAMED_BY = {
    each.path.rpartition("/")[0]: each.path.rpartition("/")[2][1:-1] for each in OPERATIONS if each.path[-1] == "}"
}


class Ids:
    """Ids of what is there, by the parameter that takes them."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {"orgId": [str(demo.ACME), str(demo.GLOBEX)]}

    def note(self, collection: str, answer: Any) -> None:
        """What a list has, or what was made in it."""
        if collection in NAMED_BY and isinstance(answer, dict):
            name = NAMED_BY[collection]
            for item in answer.get("items", [answer]):
                found = item.get("id", item.get(name))
                if found is not None:
                    self._known.setdefault(name, []).append(found)

    def put(self, parameters: dict[str, Any], chance: random.Random) -> None:
        """In place of some of those that were made up; the first ones more often, they belong to the demo."""
        for name in parameters.keys() & self._known.keys():
            if chance.random() < 0.5:
                known = self._known[name]
                parameters[name] = chance.choice(known[:2] if chance.random() < 0.5 else known)


@pytest.fixture(scope="module")
def ids() -> Ids:
    return Ids()


def test_every_operation_is_tried() -> None:
    assert len(OPERATIONS) == sum(len(methods) for methods in DOCUMENT["paths"].values())


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.label)
def test_answers_are_those_of_the_document(
    operation: Any, mode: GenerationMode, server: Served, tally: Tally, ids: Ids
) -> None:
    tokens = {name: None if name is None else server.issuer.token(name) for name in PEOPLE}

    @seeded(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.sampled_from(PEOPLE), st.randoms(use_true_random=False))
    def send(case: Any, name: str | None, chance: random.Random) -> None:
        ids.put(case.path_parameters, chance)
        token = tokens[name]

        response = case.call(server.url, headers={} if token is None else {"Authorization": f"Bearer {token}"})

        tally.cases += 1
        tally.statuses[response.status_code] += 1
        tally.undocumented += str(response.status_code) not in operation.definition.raw["responses"]
        body = case.meta.components.get(ParameterLocation.BODY)
        is_wrong = body is not None and body.mode is GenerationMode.NEGATIVE
        # Other parts that were made wrong may have been put right above.
        case.validate_response(response, checks=[*CHECKS, negative_data_rejection] if is_wrong else CHECKS)
        if name is None and operation.definition.raw["security"]:
            # A path that a wrong value makes another one is not found, whoever asks.
            assert response.status_code in (401, 404), response.text
        if response.status_code >= 400:
            problem = json.loads(response.content)
            assert problem["status"] == response.status_code
        elif response.content:
            ids.note(operation.path, json.loads(response.content))

    try:
        send()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing can be right"
