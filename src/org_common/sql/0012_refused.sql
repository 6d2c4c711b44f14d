-- Why consumers refused messages, for operators: the transaction of a refused message is rolled back.

-- One row for each consumer, message and code. Anyone who can write to a queue can name any message, so records that
-- name none of the outbox share the row 0 of their consumer and code: forged ids cannot fill the table.
create table app.refused_messages (
  consumer text not null check (length(consumer) between 1 and 200),
  message_id bigint not null,
  code text not null check (length(code) between 1 and 100),
  -- The first 500 characters of what the log says, and the id of the record; both of the latest attempt.
  reason text not null check (length(reason) <= 500),
  record_id text not null check (length(record_id) <= 200),
  attempts bigint not null default 1,
  first_refused_at timestamptz not null default now(),
  refused_at timestamptz not null default now(),
  primary key (consumer, message_id, code)
);
create index on app.refused_messages (refused_at);
alter table app.refused_messages enable row level security, force row level security;
grant select, insert, update, delete on app.refused_messages to app_rules;
create policy rules on app.refused_messages to app_rules using (true) with check (true);
grant select, delete on app.refused_messages to app_service;
create policy operator on app.refused_messages to app_service using (true);
-- A message that was handled later is refused no more.
grant select on app.consumed_messages to app_service;
create policy operator on app.consumed_messages for select to app_service using (true);

-- Sent in a transaction of its own after the record's was rolled back. Like app.receive() it wants claims that name no
-- caller, so a handler's statement cannot call it.
create function app.refuse_message(
  consumer text, message_id bigint, record_id text, code text, reason text
) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  known_id bigint;
begin
  if current_setting('request.jwt.claims', true) is distinct from '{"receives":true}' then
    raise insufficient_privilege using message = 'a message is refused before the first statement of a transaction';
  end if;
  select m.id into known_id from (
    select o.id from app.outbox o where o.id = refuse_message.message_id
    union all
    select d.id from app.delivered_messages d where d.id = refuse_message.message_id
  ) m;
  insert into app.refused_messages as r (consumer, message_id, code, reason, record_id)
  values (
    refuse_message.consumer, coalesce(known_id, 0), left(refuse_message.code, 100), left(refuse_message.reason, 500),
    left(refuse_message.record_id, 200)
  )
  on conflict on constraint refused_messages_pkey do update set
    reason = excluded.reason, record_id = excluded.record_id, attempts = r.attempts + 1, refused_at = now();
end
$$;
alter function app.refuse_message(text, bigint, text, text, text) owner to app_rules;
grant execute on function app.refuse_message(text, bigint, text, text, text)
  to anon, authenticated, app_sys, app_service;

-- As before, and refusals.
create or replace function app.purge_delivered(age interval default '30 days') returns void
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  delete from app.delivered_messages d where d.id in (
    select old.id from app.delivered_messages old where old.delivered_at < now() - age
    order by old.delivered_at limit 1000
  );
  -- Later than the messages, or one that is still there could be handled twice.
  delete from app.consumed_messages c where (c.consumer, c.message_id) in (
    select old.consumer, old.message_id from app.consumed_messages old
    where old.consumed_at < now() - age - interval '30 days'
    order by old.consumed_at limit 1000
  );
  delete from app.refused_messages r where (r.consumer, r.message_id, r.code) in (
    select old.consumer, old.message_id, old.code from app.refused_messages old where old.refused_at < now() - age
    order by old.refused_at limit 1000
  );
end
$$;
