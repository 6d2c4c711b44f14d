"""SQL of the vectors of a base."""

LIST_INDEXES = """
select i.model_id, i.dimensions, i.state, i.activated_at, i.created_at,
  case when i.dimensions in (256, 384, 512, 768, 1024, 1536, 3072) then 'hnsw' else 'exact' end as method,
  count(c.document_id)::integer as chunk_count, count(distinct c.document_id)::integer as document_count
from kb.kb_indexes i
left join kb.kb_chunks c on c.org_id = i.org_id and c.base_id = i.base_id and c.model_id = i.model_id
where i.base_id = %(base_id)s
group by i.org_id, i.base_id, i.model_id
order by i.state, i.created_at, i.model_id
"""

GET_ORG = "select b.org_id from kb.live_bases b where b.id = %(base_id)s"

BEGIN_REINDEX = "select kb.begin_reindex(%(base_id)s, %(model_id)s, %(dimensions)s)"

# In the order of documents, from the last one of the batch before.
LIST_PENDING = """
select c.id, c.document_id, c.seq, c.content
from kb.kb_indexes i
join kb.kb_chunks c on c.org_id = i.org_id and c.base_id = i.base_id and c.model_id = i.model_id
where i.base_id = %(base_id)s and i.state = 'active' and not exists (
  select from kb.kb_chunks n
  where n.org_id = c.org_id and n.document_id = c.document_id and n.model_id = %(model_id)s and n.seq = c.seq
) and (c.document_id, c.seq) > (%(after_document)s::uuid, %(after_seq)s::integer)
order by c.document_id, c.seq limit %(batch)s
"""

ADD_VECTORS = """
select kb.add_vectors(%(base_id)s, %(model_id)s, %(chunk_ids)s::uuid[], %(vectors)s::text[]::public.vector[])
"""

FINISH_REINDEX = "select kb.finish_reindex(%(base_id)s, %(model_id)s)"

DELETE_STALE = "select kb.delete_stale(%(base_id)s)"
