"""A route without an access rule is refused before anything runs."""

# A consequence of each refusal, and no news.
# pyright: reportUntypedFunctionDecorator=false

from org_common import SIGNED_IN, App

app = App("refused")


@app.get("/orgs")  # by basedpyright: reportCallIssue, by mypy: call-arg
def list_orgs() -> list[str]:
    return []


@app.get("/orgs/all", allow=True)  # by basedpyright: reportArgumentType, by mypy: arg-type
def list_all_orgs() -> list[str]:
    return []


@app.get("/orgs/mine", allow=SIGNED_IN, rule=SIGNED_IN)  # by basedpyright: reportCallIssue, by mypy: call-arg
def list_my_orgs() -> list[str]:
    return []
