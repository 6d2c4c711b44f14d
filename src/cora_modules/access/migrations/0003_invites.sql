-- Invitations of an organization to an e-mail. The token is shown once and stored as a hash.

create table access.invites (
  org_id uuid not null references access.orgs on delete cascade,
  id uuid not null default access.new_id(),
  email text not null check (email = lower(email collate "C") and length(email) between 3 and 254),
  mailbox text not null,
  role app.org_role not null,
  token_hash bytea not null check (length(token_hash) = 32),
  status text not null default 'pending' check (status in ('pending', 'accepted', 'expired', 'revoked')),
  expires_at timestamptz not null default now() + interval '7 days',
  invited_by uuid references access.users on delete set null,
  accepted_by uuid references access.users on delete set null,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, id)
);
create unique index invites_token on access.invites (token_hash);
create unique index invites_pending on access.invites (org_id, mailbox) where status = 'pending';
create index on access.invites (mailbox) where status = 'pending';
create index on access.invites (org_id, created_at, id);
create index on access.invites (invited_by);
create index on access.invites (accepted_by);

alter table access.invites enable row level security, force row level security;
create trigger audit before insert or update on access.invites for each row execute function app.audit();
create trigger mailbox before insert or update on access.invites
  for each row execute function access.set_mailbox();

-- All columns except the hash.
grant select (org_id, id, email, role, status, expires_at, invited_by, accepted_by, created_at, updated_at)
  on access.invites to authenticated;
create policy admins_read on access.invites for select to authenticated
  using (org_id in (select access.org_ids('org_admin')));

grant select, insert, update (status, accepted_by) on access.invites to app_rules;
create policy rules_read on access.invites for select to app_rules using (true);
create policy rules_create on access.invites for insert to app_rules with check (true);
create policy rules_change on access.invites for update to app_rules using (true) with check (true);

grant update (updated_at) on access.orgs to app_rules; -- to lock a row: PostgreSQL requires the UPDATE privilege for it
create policy rules_lock on access.orgs for update to app_rules using (true) with check (true);

-- Locks the organization until the transaction ends, so that no role in it changes, and returns the caller's role. For
-- the functions of app_rules.
create function access.lock_org(org_id uuid, at_least app.org_role) returns app.org_role
  language plpgsql volatile set search_path = ''
as $$
declare
  caller_role app.org_role;
begin
  perform from access.orgs o where o.id = lock_org.org_id for no key update;
  caller_role := app.find_org_role(lock_org.org_id);
  -- The caller may have been deactivated while this waited.
  if not exists (select from access.users u where u.id = app.uid() and u.is_active) then
    caller_role := null;
  end if;
  perform app.require(app.role_rank(caller_role) >= app.role_rank(at_least));
  return caller_role;
end
$$;
alter function access.lock_org(uuid, app.org_role) owner to app_rules;

-- The stored form of a token.
create function access.token_hash(token text) returns bytea
  language sql stable
  return sha256(convert_to(token, 'UTF8'));
alter function access.token_hash(text) owner to app_rules;

-- Invitations are mail to other people, so their number is limited: 20 an hour of an organization and of a caller, 3 a
-- day to a mailbox. Counts the log and not the invitations, which are deleted with their organization.
create function access.count_invite(org_id uuid, mailbox text) returns void
  language plpgsql volatile set search_path = ''
as $$
declare
  free_at timestamptz;
begin
  -- In this order in all transactions. `lock_org` serializes the invitations of the organization.
  perform pg_advisory_xact_lock(hashtextextended('access.invites by ' || app.uid(), 3));
  perform pg_advisory_xact_lock(hashtextextended('access.invites to ' || count_invite.mailbox, 3));
  -- When the oldest of the last 20 or 3 leaves the period.
  select max(l.free_at) into free_at from (
    (
      select l.created_at + interval '1 hour' as free_at from access.auth_log l
      where l.event = 'invited' and l.detail ->> 'org_id' = count_invite.org_id::text
      order by l.created_at desc offset 19 limit 1
    )
    union all
    (
      select l.created_at + interval '1 hour' from access.auth_log l
      where l.event = 'invited' and l.user_id = app.uid()
      order by l.created_at desc offset 19 limit 1
    )
    union all
    (
      select l.created_at + interval '1 day' from access.auth_log l
      where l.event = 'invited' and l.detail ->> 'mailbox' = count_invite.mailbox
      order by l.created_at desc offset 2 limit 1
    )
  ) l;
  if free_at > now() then
    raise exception 'too_many_invites' using errcode = 'OC429',
      detail = 'An organization sends 20 invitations an hour, and a mailbox gets 3 a day. Try again later.',
      hint = ceil(extract(epoch from free_at - now()))::text;
  end if;
  perform access.log_event(
    app.uid(), 'invited', jsonb_build_object('org_id', count_invite.org_id, 'mailbox', count_invite.mailbox)
  );
end
$$;
alter function access.count_invite(uuid, text) owner to app_rules;

grant select on access.auth_log to app_rules;
create policy rules_count on access.auth_log for select to app_rules using (event = 'invited');
create index on access.auth_log ((detail ->> 'org_id'), created_at) where event = 'invited';
create index on access.auth_log ((detail ->> 'mailbox'), created_at) where event = 'invited';
create index on access.auth_log (user_id, created_at) where event = 'invited';

create function access.create_invite(org_id uuid, email text, role app.org_role)
  returns table (invite access.invites, org_name text, token text)
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  box text := access.mailbox(email);
begin
  -- Admins cannot grant a role above their own.
  perform app.require(app.role_rank(access.lock_org(org_id, 'org_admin')) >= app.role_rank(role));
  if exists (
    select from access.org_members m join access.users u on u.id = m.user_id and u.is_active
    where m.org_id = create_invite.org_id and u.mailbox = box
  ) then
    raise exception 'already_member' using errcode = 'OC409', detail = 'A member with this e-mail already exists.';
  end if;
  update access.invites i set status = 'expired'
  where i.org_id = create_invite.org_id and i.mailbox = box
    and i.status = 'pending' and i.expires_at <= now();
  if exists (
    select from access.invites i
    where i.org_id = create_invite.org_id and i.mailbox = box and i.status = 'pending'
  ) then
    raise exception 'already_invited' using errcode = 'OC409',
      detail = 'An open invitation to this e-mail already exists. Revoke it first.';
  end if;
  perform access.count_invite(org_id, box);
  -- Two random UUIDs have 244 bits from the server's cryptographic random source.
  token := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
  org_name := (select o.name from access.orgs o where o.id = create_invite.org_id);
  insert into access.invites as i (org_id, email, role, token_hash, invited_by)
  values (create_invite.org_id, create_invite.email, create_invite.role, access.token_hash(token), app.uid())
  returning i.* into invite;
  return next;
end
$$;
alter function access.create_invite(uuid, text, app.org_role) owner to app_rules;
grant execute on function access.create_invite(uuid, text, app.org_role) to authenticated;

create function access.revoke_invite(org_id uuid, invite_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  caller_rank integer := app.role_rank(access.lock_org(org_id, 'org_admin'));
  found_invite access.invites;
begin
  select i.* into found_invite from access.invites i
  where i.org_id = revoke_invite.org_id and i.id = revoke_invite.invite_id
  for update;
  perform app.require(case when found then caller_rank >= app.role_rank(found_invite.role) end);
  if found_invite.status <> 'pending' then
    raise exception 'not_pending' using errcode = 'OC409', detail = 'This invitation is no longer open.';
  end if;
  update access.invites i set status = 'revoked' where i.org_id = found_invite.org_id and i.id = found_invite.id;
end
$$;
alter function access.revoke_invite(uuid, uuid) owner to app_rules;
grant execute on function access.revoke_invite(uuid, uuid) to authenticated;

-- Revokes what a demoted, removed or deactivated member granted and could not grant any more: open invitations, and the
-- default roles of domains. `role` is the role that they have now, null for none.
create function access.revoke_grants_of(org_id uuid, user_id uuid, role app.org_role) returns void
  language plpgsql volatile set search_path = ''
as $$
begin
  update access.invites i set status = 'revoked'
  where i.org_id = revoke_grants_of.org_id and i.invited_by = revoke_grants_of.user_id and i.status = 'pending'
    and (revoke_grants_of.role is null or revoke_grants_of.role = 'org_user'
      or app.role_rank(i.role) > app.role_rank(revoke_grants_of.role));
  update access.org_email_domains d set default_role = 'org_user'
  where d.org_id = revoke_grants_of.org_id and d.default_role_by = revoke_grants_of.user_id
    and (revoke_grants_of.role is null or revoke_grants_of.role = 'org_user'
      or app.role_rank(d.default_role) > app.role_rank(revoke_grants_of.role));
end
$$;
alter function access.revoke_grants_of(uuid, uuid, app.org_role) owner to app_rules;
grant select, update (default_role) on access.org_email_domains to app_rules;
create policy rules on access.org_email_domains for select to app_rules using (true);
create policy rules_change on access.org_email_domains for update to app_rules using (true) with check (true);

-- Whether this user is an active member who may grant this role now.
create function access.may_grant(org_id uuid, user_id uuid, role app.org_role) returns boolean
  language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from access.org_members m join access.users u on u.id = m.user_id and u.is_active
    where m.org_id = may_grant.org_id and m.user_id = may_grant.user_id and m.org_role <> 'org_user'
      and app.role_rank(m.org_role) >= app.role_rank(may_grant.role)
  );
end
$$;
alter function access.may_grant(uuid, uuid, app.org_role) owner to app_rules;

-- The mail of an invitation that is closed before the relay took it is not sent.
create index outbox_invites on app.outbox ((message ->> 'id'))
  where queue = 'mail' and message ->> 'template' = 'invite';

create function access.unsend_mail() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  delete from app.outbox o
  where o.queue = 'mail' and o.message ->> 'template' = 'invite' and o.message ->> 'id' = old.id::text;
  return null;
end
$$;
alter function access.unsend_mail() owner to app_rules;
create trigger unsend_mail after update on access.invites for each row
  when (old.status = 'pending' and new.status in ('revoked', 'expired')) execute function access.unsend_mail();
create trigger unsend_mail_of_deleted after delete on access.invites for each row
  when (old.status = 'pending') execute function access.unsend_mail();

-- A changed rule applies to the mailboxes that are stored.
create function access.refresh_mailboxes() returns trigger
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  update access.users u set mailbox = access.mailbox(u.email)
  where u.email is not null and u.mailbox <> access.mailbox(u.email);
  update access.invites i set mailbox = access.mailbox(i.email) where i.mailbox <> access.mailbox(i.email);
  return null;
end
$$;
alter function access.refresh_mailboxes() owner to app_rules;
create trigger refresh after insert or update or delete on access.mailbox_rules
  for each statement execute function access.refresh_mailboxes();
grant update (mailbox) on access.users to app_rules;
grant update (mailbox) on access.invites to app_rules;
