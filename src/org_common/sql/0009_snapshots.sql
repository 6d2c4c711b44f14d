-- A snapshot older than the lock hides a response that was stored in between: the handler ran again and failed at
-- COMMIT, because the response existed.

create or replace function app.claim_key(method text, path text, key text, fingerprint text) returns void
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
  if found then
    if stored <> claim_key.fingerprint then
      raise exception 'idempotency_mismatch' using errcode = 'OC422',
        detail = 'This Idempotency-Key was used for another request before. Use a new key for a new request.';
    end if;
    raise exception 'answered before' using errcode = 'OCRPL';
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    -- An INSERT sees past the snapshot: it fails with 40001 if a response exists, and the retried request finds it.
    insert into app.answers (caller, method, path, key, fingerprint, status, headers, body, expires_at)
    values (me[1], claim_key.method, claim_key.path, claim_key.key, '', 0, '{}', '', now())
    on conflict do nothing;
  end if;
  delete from app.answers a
  where a.caller = any (me) and a.method = claim_key.method and a.path = claim_key.path and a.key = claim_key.key;
end
$$;
