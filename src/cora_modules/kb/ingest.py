"""The worker that processes uploaded documents."""

from cora_modules.kb.models.ingest import IngestMessage
from org_common import App, AsService, Deadline, Needs

app = App("kb-ingest", needs=Needs(actions=["bedrock:InvokeModel", "s3:GetObject"]))


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
