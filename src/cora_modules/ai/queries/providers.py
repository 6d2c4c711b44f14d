"""SQL of AI providers and their models."""

_PROVIDER = (
    "p.id, p.name, p.kind, p.auth, p.secret_ref, p.region, p.base_url, p.is_active, "
    "(select count(*) from ai.ai_models m where m.provider_id = p.id) as model_count, p.created_at, p.updated_at"
)

LIST_PROVIDERS = "select " + _PROVIDER + " from ai.ai_providers p"

GET_PROVIDER = LIST_PROVIDERS + " where p.id = %(provider_id)s"

ADD_PROVIDER = (
    """
insert into ai.ai_providers as p (name, kind, auth, secret_ref, region, base_url, is_active)
values (%(name)s, %(kind)s, %(auth)s, %(secret_ref)s, %(region)s, %(base_url)s, %(is_active)s)
returning """
    + _PROVIDER
)

UPDATE_PROVIDER = (
    """
update ai.ai_providers p
set (name, auth, secret_ref, region, base_url, is_active) = (
  select n.name, n.auth, n.secret_ref, n.region, n.base_url, n.is_active from jsonb_populate_record(p, %(patch)s) n
)
where p.id = %(provider_id)s
returning """
    + _PROVIDER
)

DELETE_PROVIDER = "delete from ai.ai_providers where id = %(provider_id)s"

_CALLABLE = (
    "p.id as provider_id, p.name as provider_name, p.kind as provider_kind, p.auth, p.secret_ref, p.region, p.base_url"
)

GET_CALLABLE_PROVIDER = "select " + _CALLABLE + " from ai.ai_providers p where p.id = %(provider_id)s"

GET_CALLABLE_MODEL = (
    "select m.id, m.kind, m.model_id, m.dimensions, m.context_tokens, m.cost_in, m.cost_out, "
    + _CALLABLE
    + " from ai.ai_models m join ai.ai_providers p on p.id = m.provider_id where m.id = %(model_id)s"
)

# A model that is listed again can be tested again. An administrator's decisions stay: `deprecated`, prices, the kind.
STORE_MODELS = """
with listed as (
  select l.model_id, l.kind, l.dimensions
  from jsonb_to_recordset(%(models)s) l (model_id text, kind text, dimensions integer)
), gone as (
  update ai.ai_models m set status = 'unavailable'
  where m.provider_id = %(provider_id)s and m.status in ('discovered', 'available')
    and not exists (select from listed l where l.model_id = m.model_id)
  returning m.id
), stored as (
  insert into ai.ai_models as m (provider_id, model_id, kind, dimensions, last_checked_at)
  select %(provider_id)s, l.model_id, l.kind, l.dimensions, now() from listed l
  on conflict (provider_id, model_id) do update set last_checked_at = excluded.last_checked_at,
    status = case m.status when 'unavailable' then 'discovered' else m.status end
  returning m.created_at = now() as is_new
)
select count(*) as found, count(*) filter (where s.is_new) as added, (select count(*) from gone) as gone from stored s
"""

_MODEL = (
    "m.id, m.provider_id, p.name as provider_name, m.model_id, m.kind, m.dimensions, m.context_tokens, m.cost_in, "
    "m.cost_out, m.status, m.last_checked_at"
)

LIST_MODELS = "select " + _MODEL + " from ai.ai_models m join ai.ai_providers p on p.id = m.provider_id"

UPDATE_MODEL = (
    """
with m as (
  update ai.ai_models m
  set (kind, dimensions, context_tokens, cost_in, cost_out, status) = (
    select n.kind, n.dimensions, n.context_tokens, n.cost_in, n.cost_out, n.status
    from jsonb_populate_record(m, %(patch)s) n
  )
  where m.id = %(model_id)s
  returning m.*
)
select """
    + _MODEL
    + " from m join ai.ai_providers p on p.id = m.provider_id"
)

# A temporary error says nothing about the model.
RECORD_TRIAL = """
update ai.ai_models m set last_checked_at = now(), dimensions = coalesce(m.dimensions, %(dimensions)s),
  status = case
    when m.status = 'deprecated' or %(is_temporary)s then m.status
    when %(ok)s then 'available'
    else 'unavailable'
  end
where m.id = %(model_id)s
"""
