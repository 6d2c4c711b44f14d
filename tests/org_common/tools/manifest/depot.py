"""An app with everything that a manifest describes."""

from uuid import UUID

from org_common import PUBLIC, SIGNED_IN, App, AsService, Cors, Model, Needs, Page, PageRequest, Reader, S3Object
from org_common import Transaction as Tx

app = App(
    "depot",
    cors=Cors(["https://depot.example"]),
    needs=Needs(
        secrets=["depot/carrier"],
        queues=["labels"],
        buckets=["invoices"],
        actions=["textract:DetectDocumentText", "kms:Sign"],
    ),
)


class Item(Model):
    id: UUID


class Parcel(Model):
    item_id: UUID


@app.get("/items/{item_id}", allow=SIGNED_IN)
def get_item(db: Reader, item_id: UUID) -> Item:
    """Return one item."""
    return db.one(Item, "select %(id)s::uuid id", {"id": item_id})


@app.get("/items", allow=SIGNED_IN)
def list_items(db: Reader, page: PageRequest) -> Page[Item]:
    return db.page(Item, "select id from depot.items", page=page, by=("id",))


@app.get("/health", allow=PUBLIC)
def health() -> dict[str, bool]:
    return {"ok": True}


@app.sqs("parcels", allow=SIGNED_IN)
def pack(tx: Tx, parcel: Parcel) -> None: ...


@app.schedule("rate(1 day)", name="sweep", timezone="Europe/Berlin", allow=AsService("all depots"))
def sweep(tx: Tx) -> None: ...


@app.s3("uploads", allow=AsService("uploads of all depots"))
def register_upload(found: S3Object) -> None: ...


@app.s3("returns", queue="return-events", allow=AsService("returns of all depots"))
def register_return(found: S3Object) -> None: ...


@app.event(source="acme.billing", detail_type="Paid", allow=AsService("payments of all depots"))
def paid(tx: Tx) -> None: ...
