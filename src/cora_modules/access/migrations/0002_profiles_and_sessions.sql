-- The profile, state and sessions of users, and the log of sign-ins and sign-outs.

-- Ids sort by creation time where the server supports it (PostgreSQL 18).
do $$
begin
  execute format(
    'create function access.new_id() returns uuid language sql volatile return %s()',
    case when current_setting('server_version_num')::integer >= 180000 then 'uuidv7' else 'gen_random_uuid' end
  );
end
$$;
grant execute on function access.new_id() to authenticated, app_rules;
alter table access.users alter column id set default access.new_id();
alter table access.orgs alter column id set default access.new_id();
alter table access.org_email_domains alter column id set default access.new_id();

-- Users ------------------------------------------------------------------------------------------------------------

-- With `using`: an UPDATE by the migrator would see no rows, because row-level security is forced.
alter table access.users
  alter column sys_role type app.sys_role using coalesce(sys_role, 'sys_user'),
  alter column email type text using lower(email collate "C");
alter table access.users
  alter column sys_role set default 'sys_user',
  alter column sys_role set not null,
  -- Only verified e-mails are stored; without one the column is null.
  alter column email drop not null,
  -- Inactive users are unknown to every access rule: `app.find_user` skips them.
  add column is_active boolean not null default true,
  add column deactivated_at timestamptz,
  add check (email = lower(email collate "C") and length(email) between 3 and 254),
  add check (length(full_name) between 1 and 200),
  add check (length(avatar_url) between 1 and 2000),
  add check (length(phone) between 3 and 40),
  add check (jsonb_typeof(metadata) = 'object' and length(metadata::text) <= 16000);
-- One active user per mailbox. E-mails link no tokens: another token with the same mailbox is refused.
create unique index users_mailbox on access.users (mailbox) where is_active;
create index on access.users (access.without_dots(mailbox));

create function access.set_deactivated_at() returns trigger
  language plpgsql volatile set search_path = ''
as $$
begin
  new.deactivated_at := case
    when new.is_active then null
    when old.is_active is false then old.deactivated_at
    else now()
  end;
  return new;
end
$$;
create trigger deactivated_at before insert or update on access.users
  for each row execute function access.set_deactivated_at();
create index on access.users (created_at, id);

-- The current organization is one of the user's own, and becomes null when they leave it.
alter table access.users drop constraint users_current_org_id_fkey;
drop index access.users_current_org_id_idx;
alter table access.users add foreign key (current_org_id, id) references access.org_members (org_id, user_id)
  on delete set null (current_org_id);
create index on access.users (current_org_id, id);

create or replace function app.find_user(token_issuer text, token_subject text) returns uuid
  language plpgsql stable set search_path = ''
as $$
begin
  return (
    select i.user_id from access.user_identities i
    join access.users u on u.id = i.user_id and u.is_active
    where i.issuer = token_issuer and i.subject = token_subject
  );
end
$$;

-- Checked again after waiting for a lock: the user may have been deactivated since `app.identify`.
create or replace function app.find_sys_role() returns text
  language plpgsql stable set search_path = ''
as $$
begin
  return (select u.sys_role from access.users u where u.id = app.uid() and u.is_active);
end
$$;

grant select (is_active) on access.users to app_sys;

-- Sessions and the log ---------------------------------------------------------------------------------------------

-- One row per token whose sign-in was recorded. A session grants no access; tokens do.
create table access.user_sessions (
  id uuid primary key default access.new_id(),
  user_id uuid not null references access.users on delete cascade,
  issuer text not null,
  token_id text check (length(token_id) <= 512),
  user_agent text check (length(user_agent) <= 400),
  started_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid
);
-- Some issuers set no token id: all their tokens of a user share one session.
create unique index user_sessions_open on access.user_sessions (user_id, issuer, coalesce(token_id, ''))
  where ended_at is null;
create index on access.user_sessions (user_id);

-- Append only. It outlives the users in it, so it has no foreign keys to them.
create table access.auth_log (
  id uuid primary key default access.new_id(),
  user_id uuid not null,
  event text not null check (event in (
    'provisioned', 'invited', 'invite_accepted', 'session_started', 'session_ended', 'sys_role_changed', 'deactivated', 'activated'
  )),
  issuer text,
  subject text,
  detail jsonb not null,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid
);
create index on access.auth_log (user_id, created_at);

do $$
declare
  name text;
begin
  foreach name in array array['user_sessions', 'auth_log'] loop
    execute format('alter table access.%I enable row level security, force row level security', name);
    execute format('create trigger audit before insert or update on access.%I for each row execute function app.audit()', name);
  end loop;
end
$$;

-- Only functions write here, and each of them adds a row to the log.
grant select, insert, update (expires_at, user_agent, ended_at) on access.user_sessions to app_rules;
create policy rules_read on access.user_sessions for select to app_rules using (true);
create policy rules_start on access.user_sessions for insert to app_rules with check (true);
create policy rules_change on access.user_sessions for update to app_rules using (true) with check (true);
grant insert on access.auth_log to app_rules;
create policy rules_write on access.auth_log for insert to app_rules with check (true);

-- For the functions of app_rules, the only writers of the log.
create function access.log_event(about uuid, event text, detail jsonb default '{}') returns void
  language plpgsql volatile set search_path = ''
as $$
begin
  insert into access.auth_log (user_id, event, issuer, subject, detail)
  values (about, log_event.event, app.claims() ->> 'iss', app.claims() ->> 'outer_sub', log_event.detail);
end
$$;
alter function access.log_event(uuid, text, jsonb) owner to app_rules;

grant execute on function app.require(boolean) to app_rules;

-- Starts or continues the session of the caller and this token.
create function access.start_session(jti text, expires_at timestamptz, user_agent text)
  returns setof access.user_sessions
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  session access.user_sessions;
begin
  insert into access.user_sessions as s (user_id, issuer, token_id, expires_at, user_agent)
  values (
    app.uid(), app.claims() ->> 'iss', jti, start_session.expires_at, left(start_session.user_agent, 400)
  )
  on conflict (user_id, issuer, (coalesce(token_id, ''))) where ended_at is null
  do update set expires_at = excluded.expires_at, user_agent = excluded.user_agent
  returning s.* into session;
  perform access.log_event(app.uid(), 'session_started', jsonb_build_object('session_id', session.id));
  return next session;
end
$$;
alter function access.start_session(text, timestamptz, text) owner to app_rules;
grant execute on function access.start_session(text, timestamptz, text) to authenticated;

-- Ends all sessions of the caller: at sign-out their token is usually a newer one than at sign-in.
create function access.end_sessions() returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  ended jsonb;
begin
  with now_ended as (
    update access.user_sessions as s set ended_at = now()
    where s.user_id = app.uid() and s.ended_at is null
    returning s.id
  )
  select jsonb_agg(e.id) into ended from now_ended e;
  perform app.require(case when ended is not null then true end);
  perform access.log_event(app.uid(), 'session_ended', jsonb_build_object('session_ids', ended));
end
$$;
alter function access.end_sessions() owner to app_rules;
grant execute on function access.end_sessions() to authenticated;

-- The caller's profile ---------------------------------------------------------------------------------------------

-- Returns the private columns of the caller's own row. A grant cannot: it would apply to all rows.
create function access.me() returns table (
  id uuid, email text, full_name text, avatar_url text, phone text, sys_role text, current_org_id uuid,
  metadata jsonb, organizations jsonb, created_at timestamptz, updated_at timestamptz
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select u.id, u.email, u.full_name, u.avatar_url, u.phone, u.sys_role::text, u.current_org_id, u.metadata,
      (
        select coalesce(
          jsonb_agg(
            jsonb_build_object('id', o.id, 'name', o.name, 'slug', o.slug, 'logo_url', o.logo_url, 'role', m.org_role)
            order by o.name, o.id
          ),
          '[]'
        )
        from (
          select m.org_id, m.org_role from access.org_members m join access.orgs o on o.id = m.org_id
          where m.user_id = u.id order by o.name, o.id limit 50
        ) m
        join access.orgs o on o.id = m.org_id
      ),
      u.created_at, u.updated_at
    from access.users u
    where u.id = app.uid();
end
$$;
alter function access.me() owner to app_rules;
grant execute on function access.me() to authenticated;

grant update (full_name, avatar_url, phone, current_org_id, metadata) on access.users to app_rules;
create policy rules_change on access.users for update to app_rules using (true) with check (true);

-- Changes these five columns only; other keys of the patch are ignored.
create function access.update_me(patch jsonb) returns table (
  id uuid, email text, full_name text, avatar_url text, phone text, sys_role text, current_org_id uuid,
  metadata jsonb, organizations jsonb, created_at timestamptz, updated_at timestamptz
)
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  -- Before the merge, whose work grows with the patch. The column holds 16,000 characters.
  if length((update_me.patch -> 'metadata')::text) > 16000 then
    raise exception 'metadata_too_large' using errcode = 'OC422',
      detail = 'The metadata has more than 16,000 characters as JSON. Store large data elsewhere, and its id here.';
  end if;
  update access.users as u
  set (full_name, avatar_url, phone, current_org_id, metadata) = (
    select p.full_name, p.avatar_url, p.phone, p.current_org_id,
      app.merge_patch(u.metadata, coalesce(update_me.patch -> 'metadata', '{}'))
    from jsonb_populate_record(u, update_me.patch - 'metadata') p
  )
  where u.id = app.uid();
  return query select * from access.me();
end
$$;
alter function access.update_me(jsonb) owner to app_rules;
grant execute on function access.update_me(jsonb) to authenticated;
