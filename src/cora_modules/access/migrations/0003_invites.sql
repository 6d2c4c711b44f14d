-- Invitations of an organization to an e-mail. The token is shown once and stored as a hash.

create table access.invites (
  org_id uuid not null references access.orgs on delete cascade,
  id uuid not null default access.new_id(),
  email text not null check (email = lower(email collate "C") and length(email) between 3 and 254),
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
create unique index invites_pending on access.invites (org_id, email) where status = 'pending';
create index on access.invites (email) where status = 'pending';
create index on access.invites (org_id, created_at, id);
create index on access.invites (invited_by);
create index on access.invites (accepted_by);

alter table access.invites enable row level security, force row level security;
create trigger audit before insert or update on access.invites for each row execute function app.audit();

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
  perform app.require(app.rung(caller_role) >= app.rung(at_least));
  return caller_role;
end
$$;
alter function access.lock_org(uuid, app.org_role) owner to app_rules;

-- The stored form of a token.
create function access.token_hash(token text) returns bytea
  language sql stable
  return sha256(convert_to(token, 'UTF8'));
alter function access.token_hash(text) owner to app_rules;

create function access.create_invite(org_id uuid, email text, role app.org_role)
  returns table (invite access.invites, org_name text, token text)
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  -- Admins cannot grant a role above their own.
  perform app.require(app.rung(access.lock_org(org_id, 'org_admin')) >= app.rung(role));
  if exists (
    select from access.org_members m join access.users u on u.id = m.user_id
    where m.org_id = create_invite.org_id and u.email = create_invite.email
  ) then
    raise exception 'already_member' using errcode = 'OC409', detail = 'A member with this e-mail already exists.';
  end if;
  update access.invites i set status = 'expired'
  where i.org_id = create_invite.org_id and i.email = create_invite.email
    and i.status = 'pending' and i.expires_at <= now();
  if exists (
    select from access.invites i
    where i.org_id = create_invite.org_id and i.email = create_invite.email and i.status = 'pending'
  ) then
    raise exception 'already_invited' using errcode = 'OC409',
      detail = 'An open invitation to this e-mail already exists. Revoke it first.';
  end if;
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
  caller_rank integer := app.rung(access.lock_org(org_id, 'org_admin'));
  found_invite access.invites;
begin
  select i.* into found_invite from access.invites i
  where i.org_id = revoke_invite.org_id and i.id = revoke_invite.invite_id
  for update;
  perform app.require(case when found then caller_rank >= app.rung(found_invite.role) end);
  if found_invite.status <> 'pending' then
    raise exception 'not_pending' using errcode = 'OC409', detail = 'This invitation is no longer open.';
  end if;
  update access.invites i set status = 'revoked' where i.org_id = found_invite.org_id and i.id = found_invite.id;
end
$$;
alter function access.revoke_invite(uuid, uuid) owner to app_rules;
grant execute on function access.revoke_invite(uuid, uuid) to authenticated;

-- Revokes the open invitations that a demoted or removed member could no longer make. `role` is the role that they have
-- now, null for none.
create function access.revoke_invites_of(org_id uuid, user_id uuid, role app.org_role) returns void
  language plpgsql volatile set search_path = ''
as $$
begin
  update access.invites i set status = 'revoked'
  where i.org_id = revoke_invites_of.org_id and i.invited_by = revoke_invites_of.user_id and i.status = 'pending'
    and (revoke_invites_of.role is null or revoke_invites_of.role = 'org_user'
      or app.rung(i.role) > app.rung(revoke_invites_of.role));
end
$$;
alter function access.revoke_invites_of(uuid, uuid, app.org_role) owner to app_rules;

-- Revokes the open invitation of a user who became a member.
create function access.revoke_invites_to(org_id uuid, user_id uuid) returns void
  language plpgsql volatile set search_path = ''
as $$
begin
  update access.invites i set status = 'revoked'
  where i.org_id = revoke_invites_to.org_id and i.status = 'pending'
    and i.email = (select u.email from access.users u where u.id = revoke_invites_to.user_id);
end
$$;
alter function access.revoke_invites_to(uuid, uuid) owner to app_rules;
