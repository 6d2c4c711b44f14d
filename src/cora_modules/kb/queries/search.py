"""SQL of searches."""

# The bases of a search that the caller may read, each with the model whose vectors answer.
LIST_BASES = """
select b.id, b.org_id, i.model_id
from kb.live_bases b left join kb.kb_indexes i on i.org_id = b.org_id and i.base_id = b.id and i.state = 'active'
where b.id = any (%(base_ids)s)
"""

# Reciprocal rank fusion: each list gives 1 / (60 + rank). A passage that has few of the question's words has little
# from their list, so that it does not displace one with the same meaning. Both lists are three times as long as the
# answer, and are joined by the passage. The outer join is after LIMIT: it would read all passages of the tenant.
SEARCH = """
with near as (
  select h.org_id, h.id, min(h.rank) as rank, max(h.similarity) as similarity
  from unnest(%(searched_models)s::uuid[], %(vectors)s::text[]::public.vector[]) as m (model_id, vector)
  cross join lateral kb.vector_hits(m.model_id, m.vector, %(base_ids)s::uuid[], %(top_k)s) h
  group by h.org_id, h.id
),
said as (
  select h.org_id, h.id, h.rank, h.coverage
  from kb.text_hits(%(words)s, %(base_ids)s::uuid[], %(base_models)s::uuid[], %(top_k)s) h
),
top as materialized (
  select org_id, id, n.similarity,
    coalesce(1.0 / (60 + n.rank), 0) + coalesce(s.coverage / (60 + s.rank), 0) as score
  from near n full join said s using (org_id, id)
  order by score desc, id limit %(top_k)s
)
select c.id, c.base_id, c.document_id, d.filename as title, c.page, c.box, c.heading, c.start_char as start,
  c.end_char as end, c.content, top.score::double precision as score, top.similarity
from top
join kb.kb_chunks c on c.org_id = top.org_id and c.id = top.id
join kb.live_documents d on d.org_id = c.org_id and d.id = c.document_id
order by top.score desc, c.id
"""
