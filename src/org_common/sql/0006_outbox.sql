-- Transactional outbox: messages are sent only if the transaction that wrote them commits.

create table app.outbox (
  id bigint generated always as identity primary key,
  queue text not null check (length(queue) between 1 and 80),
  -- The sender or an organization, a slash, and the key that the handler gave.
  key text check (length(key) between 1 and 200),
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

-- The caller's own scope of keys: the user, or the token of an unknown user.
create function app.sender() returns text
  language sql stable
  return coalesce(app.uid()::text, md5(concat_ws(E'\n', app.claims() ->> 'iss', app.claims() ->> 'outer_sub')));
grant execute on function app.sender() to authenticated, app_sys;

-- Messages of one key wait for each other, so a key that tenants share would let one hold up another: a key belongs to
-- its sender, or to an organization that the sender is a member of.
create policy send on app.outbox for insert to authenticated with check (
  key is null or starts_with(key, (select app.sender()) || '/')
  or app.has_org_role(split_part(key, '/', 1)::uuid, 'org_user')
);
create policy send_sys on app.outbox for insert to app_sys with check (true);
grant select, delete on app.outbox to app_service;
create policy relay on app.outbox to app_service using (true);

create function app.send(queue text, key text, message jsonb, org_id uuid default null) returns void
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
  insert into app.outbox (queue, key, message) values (send.queue, scoped_key, send.message);
end
$$;
grant execute on function app.send(text, text, jsonb, uuid) to authenticated, app_sys;
