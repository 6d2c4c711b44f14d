"""A handler that says it answers one model and answers another."""

from org_common import SIGNED_IN, App, Model, Reader

app = App("refused")


class Org(Model):
    name: str


class User(Model):
    name: str


@app.get("/orgs/first", allow=SIGNED_IN)
def first_org(db: Reader) -> Org:
    return db.one(User, "select name from users limit 1")  # by basedpyright: reportReturnType, by mypy: return-value
