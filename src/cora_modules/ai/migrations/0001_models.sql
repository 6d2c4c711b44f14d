-- AI providers, their models, the settings of platform and organizations, and what each call has cost.

create schema ai;
grant usage on schema ai to authenticated, app_sys, app_rules, app_service;
-- The owner of a function needs CREATE on its schema.
grant create on schema ai to app_rules;

-- Tables ----------------------------------------------------------------------------------------------------------

create table ai.ai_providers (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (length(name) between 1 and 200),
  -- `openai` and `anthropic` speak the same protocol, at different addresses.
  kind text not null check (kind in ('bedrock', 'openai', 'anthropic', 'local')),
  auth text not null default 'iam_role' check (auth in ('iam_role', 'secret')),
  -- Where the key is stored: `prod/openai#key`. Never the key.
  secret_ref text check (length(secret_ref) between 1 and 2048),
  region text check (region ~ '^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$'),
  base_url text check (base_url ~ '^https?://' and length(base_url) <= 2000),
  is_active boolean not null default true,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  check ((auth = 'secret') = (secret_ref is not null)),
  check (auth = 'iam_role' or kind in ('openai', 'anthropic')),
  check (kind not in ('openai', 'anthropic') or base_url is not null)
);

create table ai.ai_models (
  id uuid primary key default gen_random_uuid(),
  provider_id uuid not null references ai.ai_providers on delete cascade,
  -- The provider's name of the model.
  model_id text not null check (length(model_id) between 1 and 200),
  kind text not null check (kind in ('chat', 'embedding')),
  -- Of its vectors. Null for a chat model, and until it is known.
  dimensions integer check (dimensions between 1 and 16000),
  context_tokens integer check (context_tokens > 0),
  -- For 1,000 tokens, in the currency of the platform.
  cost_in numeric(12, 8) not null default 0 check (cost_in >= 0),
  cost_out numeric(12, 8) not null default 0 check (cost_out >= 0),
  -- Only available models are used: a test, or an administrator, makes them so.
  status text not null default 'discovered' check (status in ('discovered', 'available', 'unavailable', 'deprecated')),
  -- When the provider has last listed it, or a test has last called it.
  last_checked_at timestamptz,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  unique (provider_id, model_id),
  -- For foreign keys that require a kind.
  unique (id, kind),
  check (kind = 'embedding' or dimensions is null)
);

-- The platform's settings: one row.
create table ai.ai_config_sys (
  only_row boolean primary key default true check (only_row),
  chat_model_id uuid,
  chat_kind text not null default 'chat' check (chat_kind = 'chat'),
  embedding_model_id uuid,
  embedding_kind text not null default 'embedding' check (embedding_kind = 'embedding'),
  system_prompt text not null check (length(system_prompt) between 1 and 16000),
  temperature double precision not null default 0.2 check (temperature between 0 and 2),
  -- The upper limit of `ai_config_org.max_response_tokens`.
  max_tokens integer not null default 1024 check (max_tokens between 1 and 100000),
  -- How many passages a search returns, and how similar to the question they must be.
  top_k integer not null default 8 check (top_k between 1 and 100),
  similarity double precision not null default 0 check (similarity between 0 and 1),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  foreign key (chat_model_id, chat_kind) references ai.ai_models (id, kind),
  foreign key (embedding_model_id, embedding_kind) references ai.ai_models (id, kind)
);
create index on ai.ai_config_sys (chat_model_id, chat_kind);
create index on ai.ai_config_sys (embedding_model_id, embedding_kind);

-- An organization without a row has the defaults.
create table ai.ai_config_org (
  org_id uuid primary key references access.orgs on delete cascade,
  mission text check (length(mission) between 1 and 4000),
  custom_prompts text[] not null default '{}' check (
    cardinality(custom_prompts) <= 20 and array_position(custom_prompts, null) is null
    and length(array_to_string(custom_prompts, '')) <= 16000
  ),
  citation_style text not null default 'numbers' check (citation_style in ('numbers', 'footnotes', 'none')),
  tone text not null default 'neutral' check (tone in ('neutral', 'formal', 'friendly', 'concise')),
  -- Null for the platform's limit.
  max_response_tokens integer check (max_response_tokens between 1 and 100000),
  -- Null for the platform's model.
  chat_model_id uuid,
  chat_kind text not null default 'chat' check (chat_kind = 'chat'),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  foreign key (chat_model_id, chat_kind) references ai.ai_models (id, kind) on delete set null (chat_model_id)
);
create index on ai.ai_config_org (chat_model_id, chat_kind);

-- Calls of models, one row for each, written by `ai.record_call`.
create table ai.ai_calls (
  org_id uuid not null references access.orgs on delete cascade,
  -- Chosen by the caller of the model: a repetition records nothing.
  id uuid not null,
  -- Null for a job of the platform.
  user_id uuid,
  -- Null if the model has been deleted since.
  model_id uuid references ai.ai_models on delete set null,
  tokens_in bigint not null check (tokens_in >= 0),
  tokens_out bigint not null check (tokens_out >= 0),
  latency_ms bigint not null check (latency_ms >= 0),
  -- At the prices of that moment, exact. Null if the model was deleted during the call.
  cost numeric,
  -- Null for success.
  error_kind text check (error_kind in (
    'refused', 'throttled', 'unavailable', 'timeout', 'cut', 'invalid_response', 'cancelled'
  )),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id)
);
create index on ai.ai_calls (model_id);
create index on ai.ai_calls (org_id, created_at);

do $$
declare
  name text;
begin
  foreach name in array array['ai_providers', 'ai_models', 'ai_config_sys', 'ai_config_org', 'ai_calls'] loop
    execute format('alter table ai.%I enable row level security, force row level security', name);
    execute format('create trigger audit before insert or update on ai.%I for each row execute function app.audit()', name);
  end loop;
end
$$;

-- Policies --------------------------------------------------------------------------------------------------------

grant select, delete,
  insert (name, kind, auth, secret_ref, region, base_url, is_active),
  update (name, kind, auth, secret_ref, region, base_url, is_active) on ai.ai_providers to app_sys;
create policy sys on ai.ai_providers to app_sys
  using ((select app.has_sys_role('sys_admin'))) with check ((select app.has_sys_role('sys_admin')));

-- A model goes with its provider, so there is no DELETE.
grant select,
  insert (provider_id, model_id, kind, dimensions, context_tokens, last_checked_at),
  update (kind, dimensions, context_tokens, cost_in, cost_out, status, last_checked_at) on ai.ai_models to app_sys;
create policy sys on ai.ai_models to app_sys
  using ((select app.has_sys_role('sys_admin'))) with check ((select app.has_sys_role('sys_admin')));

grant select, update (
  chat_model_id, embedding_model_id, system_prompt, temperature, max_tokens, top_k, similarity
) on ai.ai_config_sys to app_sys;
create policy sys on ai.ai_config_sys to app_sys
  using ((select app.has_sys_role('sys_admin'))) with check ((select app.has_sys_role('sys_admin')));

grant select,
  insert (org_id, mission, custom_prompts, citation_style, tone, max_response_tokens, chat_model_id),
  update (mission, custom_prompts, citation_style, tone, max_response_tokens, chat_model_id)
  on ai.ai_config_org to authenticated;
create policy admins_read on ai.ai_config_org for select to authenticated
  using (org_id = any (array(select access.org_ids('org_admin'))));
create policy admins_add on ai.ai_config_org for insert to authenticated
  with check (org_id = any (array(select access.org_ids('org_admin'))));
create policy admins_change on ai.ai_config_org for update to authenticated
  using (org_id = any (array(select access.org_ids('org_admin'))))
  with check (org_id = any (array(select access.org_ids('org_admin'))));

grant select on ai.ai_calls to authenticated;
create policy admins_read on ai.ai_calls for select to authenticated
  using (org_id = any (array(select access.org_ids('org_admin'))));

-- Functions of app_rules read the settings and record calls. Requests of members see no table of providers and models.
grant select on ai.ai_providers, ai.ai_models, ai.ai_config_sys, ai.ai_config_org to app_rules;
create policy rules on ai.ai_providers for select to app_rules using (true);
create policy rules on ai.ai_models for select to app_rules using (true);
create policy rules on ai.ai_config_sys for select to app_rules using (true);
create policy rules on ai.ai_config_org for select to app_rules using (true);
grant select, insert (org_id, id, user_id, model_id, tokens_in, tokens_out, latency_ms, cost, error_kind)
  on ai.ai_calls to app_rules;
create policy rules_read on ai.ai_calls for select to app_rules using (true);
create policy rules_add on ai.ai_calls for insert to app_rules with check (true);

-- The model to use ------------------------------------------------------------------------------------------------

-- Raises a 404 unless the caller is a member of the organization. The login of jobs has no caller; requests cannot
-- become it, so it is asked for by the session's user.
create function ai.require_member(for_org_id uuid) returns void
  language plpgsql stable set search_path = ''
as $$
begin
  if session_user <> 'app_service' then
    perform app.require(app.has_org_role(for_org_id, 'org_user'));
  end if;
end
$$;
alter function ai.require_member(uuid) owner to app_rules;

-- The model that an organization uses: the given one, else its own, else the platform's. Raises a 409 `no_model` unless
-- the model is available and its provider active. An unavailable model is not replaced by the next one: prices and
-- countries of providers differ.
create function ai.resolve_model(for_org_id uuid, wanted_kind text, wanted_model_id uuid default null) returns table (
  id uuid, kind text, model_id text, dimensions integer, context_tokens integer, cost_in numeric, cost_out numeric,
  provider_id uuid, provider_name text, provider_kind text, auth text, secret_ref text, region text, base_url text
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform ai.require_member(for_org_id);
  return query
    select m.id, m.kind, m.model_id, m.dimensions, m.context_tokens, m.cost_in, m.cost_out,
      p.id, p.name, p.kind, p.auth, p.secret_ref, p.region, p.base_url
    from ai.ai_config_sys s
    left join ai.ai_config_org o on o.org_id = for_org_id
    join ai.ai_models m on m.kind = wanted_kind and m.id = coalesce(
      wanted_model_id,
      case wanted_kind when 'chat' then coalesce(o.chat_model_id, s.chat_model_id) else s.embedding_model_id end
    )
    join ai.ai_providers p on p.id = m.provider_id
    where m.status = 'available' and p.is_active;
  if not found then
    raise exception 'no_model' using errcode = 'OC409',
      detail = format('There is no available model of the kind %s. Choose another one in the settings.', wanted_kind);
  end if;
end
$$;
alter function ai.resolve_model(uuid, text, uuid) owner to app_rules;
grant execute on function ai.resolve_model(uuid, text, uuid) to authenticated, app_service;

-- New settings refer to models that can be used. A model that was chosen before may have become unavailable since: other
-- settings can still change. The columns are those of both tables of settings.
create function ai.check_model() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  wanted jsonb := to_jsonb(new);
  before jsonb;
  reference text;
begin
  if tg_op = 'UPDATE' then
    before := to_jsonb(old);
  else
    -- `on conflict do update` begins as an INSERT.
    before := (select to_jsonb(o) from ai.ai_config_org o where o.org_id = (wanted ->> 'org_id')::uuid);
  end if;
  foreach reference in array array['chat_model_id', 'embedding_model_id'] loop
    if wanted ->> reference is distinct from before ->> reference and exists (
      select from ai.ai_models m join ai.ai_providers p on p.id = m.provider_id
      where m.id = (wanted ->> reference)::uuid and not (m.status = 'available' and p.is_active)
    ) then
      raise exception 'no_model' using errcode = 'OC409',
        detail = 'This model is not available. Test it, or choose another one.';
    end if;
  end loop;
  return new;
end
$$;
alter function ai.check_model() owner to app_rules;
create trigger model before insert or update on ai.ai_config_sys for each row execute function ai.check_model();
create trigger model before insert or update on ai.ai_config_org for each row execute function ai.check_model();

-- The settings of an organization, merged with the platform's, for its members. `prompt` has the instructions of a model.
create function ai.effective_config(for_org_id uuid) returns table (
  prompt text, citation_style text, tone text, temperature double precision, max_tokens integer, top_k integer,
  similarity double precision, chat_model_id uuid, embedding_model_id uuid
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  perform ai.require_member(for_org_id);
  return query
    select
      concat_ws(
        E'\n\n', s.system_prompt, 'The mission of the organization: ' || o.mission,
        nullif(array_to_string(o.custom_prompts, E'\n\n'), ''),
        case o.tone
          when 'formal' then 'Write in a formal tone.'
          when 'friendly' then 'Write in a friendly tone.'
          when 'concise' then 'Answer in as few words as possible.'
        end,
        case coalesce(o.citation_style, 'numbers')
          when 'numbers' then 'After each statement, cite the passage that it comes from by its number: [1].'
          when 'footnotes' then
            'Cite passages by number, as in [1], and end the answer with a list of the numbers and their titles.'
          else 'Do not cite the passages.'
        end
      ),
      coalesce(o.citation_style, 'numbers'), coalesce(o.tone, 'neutral'), s.temperature,
      least(s.max_tokens, o.max_response_tokens), s.top_k, s.similarity,
      coalesce(o.chat_model_id, s.chat_model_id), s.embedding_model_id
    from ai.ai_config_sys s left join ai.ai_config_org o on o.org_id = for_org_id;
end
$$;
alter function ai.effective_config(uuid) owner to app_rules;
grant execute on function ai.effective_config(uuid) to authenticated, app_service;

-- Records a call of a model and returns what it has cost. A repetition with the same id records nothing and returns the
-- first one's cost, so it cannot be charged twice. `error_kind` is null for success.
create function ai.record_call(
  for_org_id uuid, call_id uuid, used_model_id uuid, tokens_in bigint, tokens_out bigint, latency_ms bigint,
  error_kind text default null
) returns numeric
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform ai.require_member(for_org_id);
  insert into ai.ai_calls as c (
    org_id, id, user_id, model_id, tokens_in, tokens_out, latency_ms, cost, error_kind
  )
  -- A product of numerics is exact, a quotient is rounded.
  select for_org_id, call_id, app.uid(), m.id, record_call.tokens_in, record_call.tokens_out, record_call.latency_ms,
    (record_call.tokens_in * m.cost_in + record_call.tokens_out * m.cost_out) * 0.001, record_call.error_kind
  from (values (used_model_id)) as used (id) left join ai.ai_models m on m.id = used.id
  on conflict on constraint ai_calls_pkey do nothing;
  return (select c.cost from ai.ai_calls c where c.org_id = for_org_id and c.id = call_id);
end
$$;
alter function ai.record_call(uuid, uuid, uuid, bigint, bigint, bigint, text) owner to app_rules;
grant execute on function ai.record_call(uuid, uuid, uuid, bigint, bigint, bigint, text) to authenticated, app_service;

-- The embedded provider: a new platform answers without a network ---------------------------------------------------

-- Forced row-level security applies to the migrator too.
create policy seed on ai.ai_providers to current_user using (true) with check (true);
create policy seed on ai.ai_models to current_user using (true) with check (true);
create policy seed on ai.ai_config_sys to current_user using (true) with check (true);
insert into ai.ai_providers (id, name, kind)
values ('0198a000-0000-7000-8000-0000000a1000', 'local', 'local');
insert into ai.ai_models (id, provider_id, model_id, kind, dimensions, context_tokens, status)
values
  ('0198a000-0000-7000-8000-0000000a1001', '0198a000-0000-7000-8000-0000000a1000',
   'local-extracts-no-language-model', 'chat', null, 100000, 'available'),
  ('0198a000-0000-7000-8000-0000000a1002', '0198a000-0000-7000-8000-0000000a1000',
   'local-word-vectors-256', 'embedding', 256, 100000, 'available'),
  ('0198a000-0000-7000-8000-0000000a1003', '0198a000-0000-7000-8000-0000000a1000',
   'local-lexical-256', 'embedding', 256, 100000, 'available');
insert into ai.ai_config_sys (chat_model_id, embedding_model_id, system_prompt)
values (
  '0198a000-0000-7000-8000-0000000a1001', '0198a000-0000-7000-8000-0000000a1002',
  'You answer questions of an organization''s members. Use only the passages that you are given. If they do not '
  'contain the answer, say so.'
);
drop policy seed on ai.ai_providers;
drop policy seed on ai.ai_models;
drop policy seed on ai.ai_config_sys;
