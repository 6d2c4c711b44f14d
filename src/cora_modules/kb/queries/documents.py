"""SQL of documents."""

_COLUMNS = """
  d.id, d.org_id, d.base_id, d.filename, d.media_type, d.size_bytes, d.sha256, d.status, d.error_code, d.error,
  d.page_count, d.text_length, d.chunk_count, d.indexed_at, d.created_at, d.updated_at
"""

LIST_DOCUMENTS = "select" + _COLUMNS + "from kb.live_documents d where d.base_id = %(base_id)s"

_ONE = " from kb.live_documents d where d.base_id = %(base_id)s and d.id = %(document_id)s"
GET_DOCUMENT = "select" + _COLUMNS + _ONE
GET_STORED = "select" + _COLUMNS + ", d.storage_key" + _ONE

CREATE_DOCUMENT = (
    """
with created as (
  insert into kb.kb_documents (org_id, base_id, filename, media_type, size_bytes, sha256)
  select b.org_id, b.id, %(filename)s, %(media_type)s, %(size_bytes)s, %(sha256)s
  from kb.live_bases b where b.id = %(base_id)s
  returning *
)
select"""
    + _COLUMNS
    + ", d.storage_key from created d"
)

QUEUE_DOCUMENT = "select kb.queue_document(%(base_id)s, %(document_id)s)"

DELETE_DOCUMENT = "select kb.delete_document(%(base_id)s, %(document_id)s)"

# Parts begin at multiples of their length, so the first that overlaps begins at most one length before.
READ_TEXT = """
select %(start)s::int as start, %(start)s::int + length(t.content) as "end", t.content
from (
  select substr(
    string_agg(p.content, '' order by p.start_char), %(start)s::int - min(p.start_char) + 1, %(length)s::int
  ) as content
  from kb.kb_texts p
  join kb.live_documents d on d.org_id = p.org_id and d.base_id = p.base_id and d.id = p.document_id
  where p.base_id = %(base_id)s and p.document_id = %(document_id)s
    and p.start_char > %(start)s::int - 100000 and p.start_char < %(start)s::int + %(length)s::int
) t
where t.content <> ''
"""
