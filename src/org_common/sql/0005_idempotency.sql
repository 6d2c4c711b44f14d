-- Stored responses of requests with an Idempotency-Key, written in the transaction of the request.

create table app.answers (
  caller text not null,
  method text not null,
  path text not null,
  key text not null,
  fingerprint text not null,
  status integer not null,
  headers jsonb not null,
  body bytea not null,
  expires_at timestamptz not null,
  primary key (caller, method, path, key)
);
create index on app.answers (expires_at);
alter table app.answers enable row level security, force row level security;
-- Only these functions use the table. They take the caller from the claims.
grant select, insert, delete on app.answers to app_rules;
create policy rules on app.answers to app_rules using (true) with check (true);
grant select (expires_at), delete on app.answers to app_service;
create policy purge_read on app.answers for select to app_service using (expires_at < now());
create policy purge on app.answers for delete to app_service using (expires_at < now());

-- The names of the caller: the user's id, and the issuer and subject of the token. A first request, sent before the
-- user existed, is stored under the latter. The first name is the current one.
create function app.callers() returns text[]
  language plpgsql stable set search_path = ''
as $$
declare
  claims jsonb := app.claims();
begin
  return array_remove(array[claims ->> 'sub', (claims ->> 'iss') || ' ' || (claims ->> 'outer_sub')], null);
end
$$;
alter function app.callers() owner to app_rules;

-- Volatile, so that each statement sees rows that were committed while the function waited for its lock.
create function app.claim_key(method text, path text, key text, fingerprint text) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  me text[] := app.callers();
  stored text;
begin
  -- Held until the transaction ends. A second request with the key gets a 409 instead of holding a connection to wait.
  if not pg_try_advisory_xact_lock(hashtextextended(concat_ws(E'\n', me[1], claim_key.method, claim_key.path, claim_key.key), 0)) then
    raise exception 'idempotency_in_progress' using errcode = 'OC409',
      detail = 'The same request is still in progress. Try again in a moment.';
  end if;
  select a.fingerprint into stored from app.answers a
  where a.caller = any (me) and a.method = claim_key.method and a.path = claim_key.path and a.key = claim_key.key
    and a.expires_at > now();
  if not found then
    delete from app.answers a
    where a.caller = any (me) and a.method = claim_key.method and a.path = claim_key.path and a.key = claim_key.key;
  elsif stored <> claim_key.fingerprint then
    raise exception 'idempotency_mismatch' using errcode = 'OC422',
      detail = 'This Idempotency-Key was used for another request before. Use a new key for a new request.';
  else
    raise exception 'answered before' using errcode = 'OCRPL';
  end if;
end
$$;
alter function app.claim_key(text, text, text, text) owner to app_rules;
grant execute on function app.claim_key(text, text, text, text) to authenticated, app_sys;

create function app.store_answer(
  method text, path text, key text, fingerprint text, status integer, headers jsonb, body bytea, life interval
) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into app.answers (caller, method, path, key, fingerprint, status, headers, body, expires_at)
  values (
    (app.callers())[1], store_answer.method, store_answer.path, store_answer.key, store_answer.fingerprint,
    store_answer.status, store_answer.headers, store_answer.body, now() + store_answer.life
  );
end
$$;
alter function app.store_answer(text, text, text, text, integer, jsonb, bytea, interval) owner to app_rules;
grant execute on function app.store_answer(text, text, text, text, integer, jsonb, bytea, interval) to authenticated, app_sys;

create function app.stored_answer(method text, path text, key text)
  returns table (status integer, headers jsonb, body bytea)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select a.status, a.headers, a.body from app.answers a
    where a.caller = any (app.callers()) and a.method = stored_answer.method and a.path = stored_answer.path
      and a.key = stored_answer.key and a.expires_at > now();
end
$$;
alter function app.stored_answer(text, text, text) owner to app_rules;
grant execute on function app.stored_answer(text, text, text) to authenticated, app_sys;
