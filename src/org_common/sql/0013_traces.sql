-- A message carries the trace of its sender to the consumer: https://www.w3.org/TR/trace-context/

alter table app.outbox add column traceparent text
  check (traceparent ~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');
grant insert (traceparent) on app.outbox to authenticated, app_sys;

-- As app.send(queue, key, message, org_id), which stays for SQL that calls it.
create function app.send(queue text, key text, message jsonb, org_id uuid, traceparent text) returns void
  language plpgsql volatile set search_path = ''
as $$
declare
  scoped_key text := coalesce(send.org_id::text, app.sender()) || '/' || send.key;
begin
  if length(send.key) not between 1 and 128 then
    raise check_violation using message = 'the key of a message has 1 to 128 characters';
  end if;
  if scoped_key is not null then
    -- Ids follow the order of inserts, not of commits: only one transaction at a time may insert messages of one key.
    perform pg_advisory_xact_lock(hashtextextended(send.queue || E'\n' || scoped_key, 1));
  end if;
  insert into app.outbox (queue, key, message, traceparent)
  values (send.queue, scoped_key, send.message, send.traceparent);
end
$$;
grant execute on function app.send(text, text, jsonb, uuid, text) to authenticated, app_sys;

create or replace function app.send(queue text, key text, message jsonb, org_id uuid default null) returns void
  language plpgsql volatile set search_path = ''
as $$
begin
  perform app.send(send.queue, send.key, send.message, send.org_id, null::text);
end
$$;
