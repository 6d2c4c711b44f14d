"""The jobs on documents: processing what was uploaded, and purging what was deleted."""

from org_common import App, AsService, Deadline, Needs

from cora_modules.kb.models.ingest import IngestMessage

app = App("kb-ingest", needs=Needs(actions=["bedrock:InvokeModel", "s3:DeleteObject", "s3:GetObject"]))


# The message is a hint: the database says what is to be done, so a forged or repeated one has no effect. Without a
# `Transaction`, none is open while files are read and vectors computed.
@app.sqs(
    "ingest",
    outside=True,
    allow=AsService("documents of all organizations are processed, also of members who have left since"),
)
def process_document(message: IngestMessage, deadline: Deadline) -> None:
    """Read, cut and embed an uploaded document, and store its passages."""
    from cora_modules.kb.indexing import process

    process(message.document_id, deadline)


# An hour before the purge of workspaces, which would delete the documents of one in a single statement.
@app.schedule("cron(0 2 * * ? *)", allow=AsService("documents of all organizations are past their retention"))
def purge_documents(deadline: Deadline) -> None:
    """Delete what is past its retention, with its files. What is left near the deadline waits for the next day."""
    from cora_modules.kb.purge import purge_expired

    purge_expired(deadline)
