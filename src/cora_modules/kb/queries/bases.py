"""SQL of knowledge bases."""

_COLUMNS = """
       b.id, b.org_id, b.scope, b.ws_id, b.chat_id, b.name, b.description, b.chunk_tokens, b.overlap_tokens,
       b.created_at, b.updated_at,
"""
# The count of a base that this statement has created is 0: its own snapshot has no document.
_COUNT = """
       (select count(*) from kb.live_documents d where d.base_id = b.id) as document_count,
"""
_SELECT = "select" + _COLUMNS + _COUNT + "coalesce(kb.can_write(b.id), false) as can_write from "

LIST_OF_ORG = _SELECT + "kb.live_bases b where b.org_id = %(org_id)s and b.scope = 'organization'"

# The organization as a sub-select, which is evaluated first: the page is then one range of an index.
LIST_OF_WORKSPACE = (
    _SELECT
    + """kb.live_bases b
where b.org_id = (select w.org_id from ws.live_workspaces w where w.id = %(ws_id)s) and b.ws_id = %(ws_id)s
"""
)

GET_BASE = _SELECT + "kb.live_bases b where b.id = %(base_id)s"

_CREATED = "select" + _COLUMNS + "0 as document_count, true as can_write from created b"

CREATE_IN_ORG = (
    """
with created as (
  insert into kb.kb_bases (org_id, scope, name, description, chunk_tokens, overlap_tokens)
  values (%(org_id)s, 'organization', %(name)s, %(description)s, %(chunk_tokens)s, %(overlap_tokens)s)
  returning *
)
"""
    + _CREATED
)

CREATE_IN_WORKSPACE = (
    """
with created as (
  insert into kb.kb_bases (org_id, scope, ws_id, name, description, chunk_tokens, overlap_tokens)
  select w.org_id, 'workspace', w.id, %(name)s, %(description)s, %(chunk_tokens)s, %(overlap_tokens)s
  from ws.live_workspaces w where w.id = %(ws_id)s
  returning *
)
"""
    + _CREATED
)

UPDATE_BASE = (
    """
with changed as (
  update kb.kb_bases b
  set (name, description, chunk_tokens, overlap_tokens) = (
    select p.name, p.description, p.chunk_tokens, p.overlap_tokens from jsonb_populate_record(b, %(patch)s) p
  )
  where b.id = %(base_id)s and b.deleted_at is null
  returning *
)
"""
    + _SELECT
    + "changed b"
)

DELETE_BASE = "select kb.delete_base(%(base_id)s)"
