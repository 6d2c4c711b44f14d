-- The messages of a chat: questions of users, and answers of models with citations.

create table chat.messages (
  org_id uuid not null,
  id uuid not null default access.new_id(),
  chat_id uuid not null,
  -- `created_by` is the user who wrote it, or who asked.
  role text not null check (role in ('user', 'assistant', 'system')),
  content text not null check (length(content) <= 200000),
  -- The passages that the model was given, in the order of their numbers in the answer.
  citations jsonb not null default '[]' check (jsonb_typeof(citations) = 'array'),
  model text check (length(model) <= 200),
  tokens_in integer check (tokens_in >= 0),
  tokens_out integer check (tokens_out >= 0),
  -- Why an answer ended. Null for the messages of users.
  finish_reason text check (finish_reason in ('stop', 'length', 'filtered', 'cancelled', 'error')),
  -- What failed, for the finish reason `error`.
  error text check (length(error) <= 200),
  -- The question of an answer; null once the question is deleted.
  reply_to uuid,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id),
  foreign key (org_id, chat_id) references chat.chats on delete cascade,
  foreign key (org_id, reply_to) references chat.messages on delete set null (reply_to),
  check ((role = 'assistant') = (finish_reason is not null))
);
create index on chat.messages (id);
create index on chat.messages (org_id, chat_id, created_at, id);
-- A question has one answer.
create unique index messages_answer on chat.messages (org_id, reply_to) where role = 'assistant' and reply_to is not null;
create index on chat.messages (org_id, reply_to);
alter table chat.messages enable row level security, force row level security;
create trigger audit before insert or update on chat.messages for each row execute function app.audit();

grant select, delete on chat.messages to authenticated;
create policy readers on chat.messages for select to authenticated
  using (org_id = any (array(select access.org_ids())) and chat_id = any (array(select chat.ids())));
create policy editors_remove on chat.messages for delete to authenticated
  using (org_id = any (array(select access.org_ids())) and chat_id = any (array(select chat.ids('edit'))));

-- Only these functions add a message: callers write none in the name of a model or of another user.
-- UPDATE: PostgreSQL requires it to lock a row.
grant select, insert, update (reply_to) on chat.messages to app_rules;
create policy rules_read on chat.messages for select to app_rules using (true);
create policy rules_create on chat.messages for insert to app_rules with check (true);
create policy rules_lock on chat.messages for update to app_rules using (true) with check (true);

-- Stores a message of the caller.
create function chat.add_message(chat_id uuid, role text, content text, reply_to uuid) returns setof chat.messages
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  in_chat chat.chats := chat.lock_chat(chat_id, 'edit');
begin
  perform app.require(add_message.role in ('user', 'system'));
  if add_message.reply_to is not null and not exists (
    select from chat.messages m
    where m.org_id = in_chat.org_id and m.chat_id = in_chat.id and m.id = add_message.reply_to
  ) then
    raise exception 'broken_reference' using errcode = 'OC409', detail = 'No message of this chat has this id.';
  end if;
  update chat.chats c set last_message_at = now() where c.org_id = in_chat.org_id and c.id = in_chat.id;
  return query
    insert into chat.messages as m (org_id, chat_id, role, content, reply_to)
    values (in_chat.org_id, in_chat.id, add_message.role, add_message.content, add_message.reply_to) returning m.*;
end
$$;
alter function chat.add_message(uuid, text, text, uuid) owner to app_rules;
grant execute on function chat.add_message(uuid, text, text, uuid) to authenticated;

-- Stores the caller's question, and returns it with the conversation before it, oldest first: at most `history` messages.
create function chat.ask(chat_id uuid, content text, history integer) returns table (
  org_id uuid, message_id uuid, answer_id uuid, conversation jsonb
)
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  asked chat.messages;
begin
  select m.* into asked from chat.add_message(ask.chat_id, 'user', ask.content, null) m;
  return query
    select asked.org_id, asked.id, access.new_id(), (
      select coalesce(jsonb_agg(jsonb_build_object('role', m.role, 'content', m.content) order by m.created_at, m.id), '[]')
      from (
        select x.role, x.content, x.created_at, x.id from chat.messages x
        where x.org_id = asked.org_id and x.chat_id = asked.chat_id and x.id <> asked.id
        order by x.created_at desc, x.id desc limit least(ask.history, 100)
      ) m
    );
end
$$;
alter function chat.ask(uuid, text, integer) owner to app_rules;
grant execute on function chat.ask(uuid, text, integer) to authenticated;

-- Stores the answer to a question of the caller, also when they have lost access to the chat since. A second call does
-- nothing. Returns whether the answer is stored; not if the question has been deleted.
create function chat.add_answer(
  question_id uuid, answer_id uuid, content text, citations jsonb, model text, tokens_in integer, tokens_out integer,
  finish_reason text, error text
) returns boolean
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  question chat.messages;
begin
  select m.* into question from chat.messages m
  where m.id = add_answer.question_id and m.role = 'user' and m.created_by = app.uid() for key share;
  if not found then
    return false;
  end if;
  insert into chat.messages as m (
    org_id, id, chat_id, role, content, citations, model, tokens_in, tokens_out, finish_reason, error, reply_to
  ) values (
    question.org_id, add_answer.answer_id, question.chat_id, 'assistant', add_answer.content, add_answer.citations,
    add_answer.model, add_answer.tokens_in, add_answer.tokens_out, add_answer.finish_reason, add_answer.error, question.id
  ) on conflict do nothing;
  update chat.chats c set last_message_at = now() where c.org_id = question.org_id and c.id = question.chat_id;
  return true;
end
$$;
alter function chat.add_answer(uuid, uuid, text, jsonb, text, integer, integer, text, text) owner to app_rules;
grant execute on function chat.add_answer(uuid, uuid, text, jsonb, text, integer, integer, text, text) to authenticated;
