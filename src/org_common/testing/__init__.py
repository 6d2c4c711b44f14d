"""Tools for testing apps that are built on org-common: a client, users, real databases.

Never part of a Lambda layer.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.events.http_api import event
    from org_common.testing.client import ISSUER, Answer, Client, Person
    from org_common.testing.factory import insert_row
    from org_common.testing.open_answer import OpenAnswer
    from org_common.testing.records import Delivery
    from org_common.testing.round_trips import RoundTrips, assert_round_trips
    from org_common.testing.two_tenants import TwoTenants
    from org_common.tools.database.local import LocalDatabase
    from org_common.tools.serve.issuer import TokenIssuer
    from org_common.values.types import LocalContext

__all__ = [
    "ISSUER",
    "Answer",
    "Client",
    "Delivery",
    "LocalContext",
    "LocalDatabase",
    "OpenAnswer",
    "Person",
    "RoundTrips",
    "TokenIssuer",
    "TwoTenants",
    "assert_round_trips",
    "event",
    "insert_row",
]

_HOMES = {
    "Delivery": "org_common.testing.records",
    "LocalContext": "org_common.values.types",
    "OpenAnswer": "org_common.testing.open_answer",
    "LocalDatabase": "org_common.tools.database.local",
    "RoundTrips": "org_common.testing.round_trips",
    "TokenIssuer": "org_common.tools.serve.issuer",
    "TwoTenants": "org_common.testing.two_tenants",
    "assert_round_trips": "org_common.testing.round_trips",
    "event": "org_common.events.http_api",
    "insert_row": "org_common.testing.factory",
}


def __getattr__(name: str) -> object:
    # Import lazily: pytest loads this package in every project that has org-common installed.
    if name not in __all__:
        raise AttributeError(f"module 'org_common.testing' has no attribute {name!r}")
    home = _HOMES.get(name, "org_common.testing.client")
    try:
        value: object = getattr(__import__(home, fromlist=(name,)), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("org_common"):
            raise
        message = f"{error}. org_common.testing needs the extra testing: pip install 'org-common[testing]'"
        raise ModuleNotFoundError(message, name=error.name) from None
    globals()[name] = value
    return value
