-- Receiving messages of the outbox: who sent one, that it is unchanged, and that each consumer handles it once.

-- The sender as the transaction's claims name them, and how many messages led to this one. The caller has no grant on
-- these columns, so a message always belongs to the transaction that wrote it.
alter table app.outbox
  add column sender_issuer text,
  add column sender_subject text,
  add column hops integer not null default 0;

create function app.stamp_sender() returns trigger
  language plpgsql volatile set search_path = ''
as $$
declare
  claims jsonb := app.claims();
begin
  new.sender_issuer := claims ->> 'iss';
  new.sender_subject := claims ->> 'outer_sub';
  new.hops := coalesce((claims ->> 'hops')::integer + 1, 0);
  return new;
end
$$;
create trigger sender before insert on app.outbox for each row execute function app.stamp_sender();

-- Delivered messages stay until no copy of theirs can be in a queue any more: consumers look them up here.
create table app.delivered_messages (
  id bigint primary key,
  queue text not null,
  message jsonb not null,
  created_at timestamptz not null,
  created_by uuid,
  sender_issuer text,
  sender_subject text,
  hops integer not null,
  delivered_at timestamptz not null default now()
);
create index on app.delivered_messages (delivered_at);
alter table app.delivered_messages enable row level security, force row level security;
grant select, insert, delete on app.delivered_messages to app_rules;
create policy rules on app.delivered_messages to app_rules using (true) with check (true);
grant select on app.delivered_messages to app_service;
create policy relay on app.delivered_messages for select to app_service using (true);

-- Messages that a consumer has handled. The row is written in the consumer's own transaction, so it exists exactly if
-- the effects do.
create table app.consumed_messages (
  consumer text not null check (length(consumer) between 1 and 200),
  message_id text not null check (length(message_id) between 1 and 200),
  consumed_at timestamptz not null default now(),
  primary key (consumer, message_id)
);
create index on app.consumed_messages (consumed_at);
alter table app.consumed_messages enable row level security, force row level security;
grant select, insert, delete on app.consumed_messages to app_rules;
create policy rules on app.consumed_messages to app_rules using (true) with check (true);

grant select, delete on app.outbox to app_rules;
create policy rules on app.outbox to app_rules using (true);

-- Moves messages that the sink has accepted. A function, so that the login of the relay cannot write a message in the
-- name of a sender.
create function app.mark_delivered(ids bigint[]) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  with gone as (
    delete from app.outbox o where o.id = any (ids)
    returning o.id, o.queue, o.message, o.created_at, o.created_by, o.sender_issuer, o.sender_subject, o.hops
  )
  insert into app.delivered_messages
    (id, queue, message, created_at, created_by, sender_issuer, sender_subject, hops)
  select g.id, g.queue, g.message, g.created_at, g.created_by, g.sender_issuer, g.sender_subject, g.hops from gone g;
end
$$;
alter function app.mark_delivered(bigint[]) owner to app_rules;
grant execute on function app.mark_delivered(bigint[]) to app_service;

-- Deletes what is older than `age`, at most 1,000 rows of each table. SQS keeps a message for 14 days, and one that
-- was moved back from a dead-letter queue for 14 more.
create function app.purge_delivered(age interval default '30 days') returns void
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
end
$$;
alter function app.purge_delivered(interval) owner to app_rules;
grant execute on function app.purge_delivered(interval) to app_service;

-- The sender of a message, and proof that it is theirs; sent before the access rule of a consumer's transaction.
-- Returns the claims that apply from then on. Raises OCRPL if this consumer has handled the message.
--
-- The transaction begins with claims that name no caller, `{"receives":true}`. A request begins with those of its
-- caller, so a statement of a handler cannot receive a message. SQL that can change the claims can already be anyone.
create function app.receive(
  sender text, required boolean, consumer text, queue text, message_id text, body text
) returns text
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  claims jsonb := jsonb_build_object('role', current_setting('role'));
  handled_id text := receive.message_id;
  sent record;
  user_id uuid;
begin
  if current_setting('request.jwt.claims', true) is distinct from '{"receives":true}' then
    raise insufficient_privilege using message = 'a message is received before the first statement of a transaction';
  end if;
  if receive.sender <> 'outside' then
    -- One statement: a message moves from one table to the other when the relay commits.
    select m.* into sent from (
      select o.id, o.queue, o.message, o.created_by, o.sender_issuer, o.sender_subject, o.hops from app.outbox o
      where o.id = receive.message_id::bigint
      union all
      select d.id, d.queue, d.message, d.created_by, d.sender_issuer, d.sender_subject, d.hops
      from app.delivered_messages d where d.id = receive.message_id::bigint
    ) m;
    if not found then
      raise exception 'unknown_message' using errcode = 'OC403', detail = 'The outbox has no message of this id.';
    elsif sent.queue <> receive.queue then
      raise exception 'other_queue' using errcode = 'OC403', detail = 'The message was sent to another queue.';
    elsif sent.message <> receive.body::jsonb then
      raise exception 'changed_message' using errcode = 'OC403', detail = 'The message is not the one that was sent.';
    elsif sent.hops >= 5 then
      raise exception 'hop_limit' using errcode = 'OC403',
        detail = 'Five messages led to this one: consumers send messages to each other in a circle.';
    end if;
    handled_id := 'outbox/' || sent.id;
  end if;
  if receive.sender = 'user' then
    -- The user of today: null once they are deactivated.
    user_id := app.find_user(sent.sender_issuer, sent.sender_subject);
    if user_id is null and (receive.required or sent.created_by is not null) then
      raise exception 'unknown user' using errcode = 'OCUSR';
    elsif user_id <> sent.created_by then
      raise exception 'other_sender' using errcode = 'OC403',
        detail = 'The sender''s login belongs to another user now.';
    end if;
    claims := claims || jsonb_build_object(
      'iss', sent.sender_issuer, 'outer_sub', sent.sender_subject, 'sub', user_id, 'hops', sent.hops
    );
  end if;
  -- Waits for another delivery of the same message that is being handled.
  insert into app.consumed_messages (consumer, message_id) values (receive.consumer, handled_id)
  on conflict do nothing;
  if not found then
    raise exception 'handled before' using errcode = 'OCRPL';
  end if;
  return set_config('request.jwt.claims', claims::text, true);
end
$$;
alter function app.receive(text, boolean, text, text, text, text) owner to app_rules;
grant execute on function app.receive(text, boolean, text, text, text, text)
  to anon, authenticated, app_sys, app_service;
