-- Transactional outbox: messages are sent only if the transaction that wrote them commits.

create table app.outbox (
  id bigint generated always as identity primary key,
  queue text not null check (length(queue) between 1 and 80),
  key text check (length(key) between 1 and 128),
  message jsonb not null,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid
);
create trigger audit before insert or update on app.outbox for each row execute function app.audit();
alter table app.outbox enable row level security, force row level security;
-- Tenants insert and cannot read, not even their own messages. The relay reads and deletes.
grant insert (queue, key, message) on app.outbox to authenticated, app_sys;
create policy send on app.outbox for insert to authenticated, app_sys with check (true);
grant select, delete on app.outbox to app_service;
create policy relay on app.outbox to app_service using (true);

create function app.send(queue text, key text, message jsonb) returns void
  language plpgsql volatile set search_path = ''
as $$
begin
  if send.key is not null then
    -- Ids follow the order of inserts, not of commits: only one transaction at a time may insert messages of one key.
    perform pg_advisory_xact_lock(hashtextextended(send.queue || E'\n' || send.key, 1));
  end if;
  insert into app.outbox (queue, key, message) values (send.queue, send.key, send.message);
end
$$;
grant execute on function app.send(text, text, jsonb) to authenticated, app_sys;
