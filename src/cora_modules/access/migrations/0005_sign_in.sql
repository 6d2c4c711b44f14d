-- First sign-in: creates the user of an unknown token, in one transaction.

-- Candidates for the platform's first owner. The operator fills it as app_migrator; used while there is no owner.
create table access.bootstrap_identities (
  issuer text not null,
  kind text not null check (kind in ('subject', 'email')),
  value text not null check (kind <> 'email' or value = lower(value collate "C")),
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (issuer, kind, value)
);
alter table access.bootstrap_identities enable row level security, force row level security;
create trigger audit before insert or update on access.bootstrap_identities
  for each row execute function app.audit();
-- Forced row-level security applies to the table's owner too.
create policy operator on access.bootstrap_identities to current_user using (true) with check (true);
grant select on access.bootstrap_identities to app_rules;
create policy rules on access.bootstrap_identities for select to app_rules using (true);

grant insert (id, email, sys_role) on access.users to app_rules;
create policy rules_create on access.users for insert to app_rules with check (true);
grant insert on access.user_identities to app_rules;
create policy rules_create on access.user_identities for insert to app_rules with check (true);

-- The following functions are for those of app_rules; requests may call those with a grant.

-- The verified e-mail of the token in lower case, or null. The authorizer passes `email_verified` on only for domains
-- that the token's issuer is authoritative for. An address with an unusual syntax counts as unverified.
create function access.verified_email() returns text
  language plpgsql stable set search_path = ''
as $$
declare
  claims jsonb := app.claims();
  email text := claims ->> 'email';
begin
  if claims -> 'email_verified' = 'true' and length(email) <= 254
    and email collate "C" ~ '^[A-Za-z0-9.!#$%&''*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$'
  then
    return lower(email collate "C");
  end if;
  return null;
end
$$;
alter function access.verified_email() owner to app_rules;

-- The user of the token, null for an unknown one. Locks the token until the transaction ends: of several requests at
-- once one creates the user, and the others find it.
create function access.lock_token() returns uuid
  language plpgsql volatile set search_path = ''
as $$
declare
  token_issuer text := app.claims() ->> 'iss';
  token_subject text := app.claims() ->> 'outer_sub';
  known access.users;
begin
  if token_issuer is null or token_subject is null then
    raise exception 'forbidden' using errcode = 'OC403';
  end if;
  perform pg_advisory_xact_lock(hashtextextended(token_issuer || E'\n' || token_subject, 3));
  select u.* into known from access.user_identities i join access.users u on u.id = i.user_id
  where i.issuer = token_issuer and i.subject = token_subject;
  if not known.is_active then
    raise exception 'deactivated' using errcode = 'OC403', detail = 'This account has been deactivated.';
  end if;
  return known.id;
end
$$;
alter function access.lock_token() owner to app_rules;

-- Serializes changes to the platform's owners.
create function access.lock_sys_owners() returns void
  language plpgsql volatile set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('access.sys_owners', 3));
end
$$;
alter function access.lock_sys_owners() owner to app_rules;

-- Makes this user the caller, for audit columns and look-ups. Functions that call this restore the claims.
create function access.set_caller(user_id uuid) returns void
  language plpgsql volatile set search_path = ''
as $$
begin
  perform set_config(
    'request.jwt.claims', (app.claims() || jsonb_build_object('sub', set_caller.user_id))::text, true
  );
end
$$;
alter function access.set_caller(uuid) owner to app_rules;

-- Creates the user of the token and makes it the caller.
create function access.create_caller(sys_role app.sys_role, reason text) returns uuid
  language plpgsql volatile set search_path = ''
as $$
declare
  new_user_id uuid := access.new_id();
begin
  perform access.set_caller(new_user_id);
  begin
    insert into access.users (id, email, sys_role) values (new_user_id, access.verified_email(), create_caller.sys_role);
  exception when unique_violation then
    -- Never linked by e-mail: another issuer, or another subject of the same issuer, is another user.
    raise exception 'email_taken' using errcode = 'OC409',
      detail = 'Another account uses this e-mail. Sign in with that account, or ask for it to be deactivated.';
  end;
  insert into access.user_identities (issuer, subject, user_id)
  values (app.claims() ->> 'iss', app.claims() ->> 'outer_sub', new_user_id);
  perform access.log_event(new_user_id, 'provisioned', jsonb_build_object('by', reason));
  return new_user_id;
end
$$;
alter function access.create_caller(app.sys_role, text) owner to app_rules;

-- Whether the token belongs to a configured first owner and there is no owner yet. Takes no lock if none is configured.
create function access.is_first_owner(verified text) returns boolean
  language plpgsql volatile set search_path = ''
as $$
begin
  if not exists (
    select from access.bootstrap_identities b
    where b.issuer = app.claims() ->> 'iss'
      and (b.kind = 'subject' and b.value = app.claims() ->> 'outer_sub' or b.kind = 'email' and b.value = verified)
  ) then
    return false;
  end if;
  perform access.lock_sys_owners();
  return not exists (select from access.users u where u.sys_role = 'sys_owner' and u.is_active);
end
$$;
alter function access.is_first_owner(text) owner to app_rules;

-- Whether this invitation admits the mailbox now. Its inviter may have fallen while it was made. A deactivated user needs
-- a newer invitation, of an organization that they belonged to. `caller` is the user who accepts, null for a new one.
create function access.admits(invite access.invites, box text, caller uuid) returns boolean
  language plpgsql stable set search_path = ''
as $$
declare
  deactivated_at timestamptz;
begin
  if invite.status <> 'pending' or invite.expires_at <= now()
    or not access.may_grant(invite.org_id, invite.invited_by, invite.role)
  then
    return false;
  end if;
  select max(u.deactivated_at) into deactivated_at from access.users u where u.mailbox = box and not u.is_active;
  return deactivated_at is null
    or exists (select from access.users u where u.id = caller and u.mailbox = box)
    or invite.created_at > deactivated_at and exists (
      select from access.users u where u.mailbox = box and not u.is_active and (
        exists (select from access.org_members m where m.org_id = invite.org_id and m.user_id = u.id)
        or exists (select from access.former_members f where f.org_id = invite.org_id and f.user_id = u.id)
      )
    );
end
$$;
alter function access.admits(access.invites, text, uuid) owner to app_rules;

-- Raises if the mailbox belongs to a deactivated user and to no active one.
create function access.require_not_deactivated(box text) returns void
  language plpgsql stable set search_path = ''
as $$
begin
  if exists (select from access.users u where u.mailbox = box and not u.is_active)
    and not exists (select from access.users u where u.mailbox = box and u.is_active)
  then
    raise exception 'deactivated' using errcode = 'OC403', detail = 'This account has been deactivated.';
  end if;
end
$$;
alter function access.require_not_deactivated(text) owner to app_rules;

-- The verified domain that admits this e-mail; no row if none does. Deactivated users, users that the organization
-- removed, and mailboxes that differ from another one in dots alone need an invitation.
create function access.admitting_domain(verified text) returns setof access.org_email_domains
  language plpgsql stable set search_path = ''
as $$
declare
  dotless text := access.without_dots(access.mailbox(verified));
  domain access.org_email_domains;
begin
  select d.* into domain from access.org_email_domains d
  where d.domain = split_part(verified, '@', 2) and d.verified_at is not null and d.auto_provision;
  if not found then
    return;
  end if;
  if exists (select from access.users u where access.without_dots(u.mailbox) = dotless and not u.is_active) then
    raise exception 'deactivated' using errcode = 'OC403', detail = 'This account has been deactivated.';
  end if;
  if exists (
    select from access.users u join access.former_members f on f.user_id = u.id
    where access.without_dots(u.mailbox) = dotless and f.org_id = domain.org_id
  ) then
    return;
  end if;
  -- The admin who set the role may have fallen while they did. Without one, the operator set it.
  if domain.default_role_by is not null
    and not access.may_grant(domain.org_id, domain.default_role_by, domain.default_role)
  then
    domain.default_role := 'org_user';
  end if;
  return next domain;
end
$$;
alter function access.admitting_domain(text) owner to app_rules;

-- First sign-in. Returns an existing user unchanged. For a new one the first of these decides: open invitations for the
-- verified e-mail, an organization that admits users of its verified domain, the configured first owner.
create function access.provision() returns table (
  id uuid, email text, full_name text, avatar_url text, phone text, sys_role text, current_org_id uuid,
  metadata jsonb, organizations jsonb, created_at timestamptz, updated_at timestamptz
)
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  claims text := current_setting('request.jwt.claims', true);
  caller uuid := access.lock_token();
  verified text := access.verified_email();
  box text := access.mailbox(verified);
  admitting uuid[];
  domain access.org_email_domains;
begin
  if caller is not null then
    perform access.set_caller(caller);
  else
    perform from access.invites i
    where i.mailbox = box and i.email = verified and i.status = 'pending' order by i.org_id for update;
    admitting := array(
      select i.id from access.invites i
      where i.mailbox = box and i.email = verified and i.status = 'pending' and access.admits(i, box, null)
    );
    if cardinality(admitting) > 0 then
      caller := access.create_caller('sys_user', 'invite');
      with taken as (
        update access.invites i set status = 'accepted', accepted_by = caller
        where i.id = any (admitting) and i.mailbox = box and i.status = 'pending'
        returning i.org_id, i.role, i.invited_by
      )
      insert into access.org_members (org_id, user_id, org_role, added_by)
      select t.org_id, caller, t.role, t.invited_by from taken t;
    else
      perform access.require_not_deactivated(box);
      select d.* into domain from access.admitting_domain(verified) d;
      if found then
        caller := access.create_caller('sys_user', 'domain');
        insert into access.org_members (org_id, user_id, org_role) values (domain.org_id, caller, domain.default_role);
      elsif access.is_first_owner(verified) then
        caller := access.create_caller('sys_owner', 'bootstrap');
      else
        raise exception 'not_invited' using errcode = 'OC403',
          detail = 'You have no invitation, or your e-mail is not verified. Ask an administrator of your organization.';
      end if;
    end if;
  end if;
  return query select * from access.me();
  perform set_config('request.jwt.claims', claims, true);
end
$$;
alter function access.provision() owner to app_rules;
grant execute on function access.provision() to authenticated;

-- Makes the caller a member by this invitation, whose row is locked.
create function access.join_org(invite access.invites, caller uuid) returns void
  language plpgsql volatile set search_path = ''
as $$
begin
  if exists (select from access.org_members m where m.org_id = invite.org_id and m.user_id = caller) then
    raise exception 'already_member' using errcode = 'OC409', detail = 'You are already a member of this organization.';
  end if;
  insert into access.org_members (org_id, user_id, org_role, added_by)
  values (invite.org_id, caller, invite.role, invite.invited_by);
  update access.invites i set status = 'accepted', accepted_by = caller
  where i.org_id = invite.org_id and i.id = invite.id;
  perform access.log_event(caller, 'invite_accepted', jsonb_build_object('org_id', invite.org_id));
end
$$;
alter function access.join_org(access.invites, uuid) owner to app_rules;

-- Accepts an invitation. Requires its token, and the e-mail that it was sent to.
create function access.accept_invite(token text) returns table (
  id uuid, email text, full_name text, avatar_url text, phone text, sys_role text, current_org_id uuid,
  metadata jsonb, organizations jsonb, created_at timestamptz, updated_at timestamptz
)
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  claims text := current_setting('request.jwt.claims', true);
  caller uuid := access.lock_token();
  box text := access.mailbox(access.verified_email());
  invite access.invites;
begin
  select i.* into invite from access.invites i where i.token_hash = access.token_hash(accept_invite.token) for update;
  perform app.require(case when found then true end);
  if invite.email is distinct from access.verified_email() then
    raise exception 'wrong_email' using errcode = 'OC403',
      detail = 'This invitation was sent to another e-mail, or your e-mail is not verified.';
  elsif invite.status = 'accepted' then
    raise exception 'invite_accepted' using errcode = 'OC409', detail = 'This invitation has already been accepted.';
  elsif invite.status <> 'pending' then
    raise exception 'invite_closed' using errcode = 'OC410', detail = 'This invitation has been revoked or has expired.';
  elsif invite.expires_at <= now() then
    raise exception 'invite_closed' using errcode = 'OC410', detail = 'This invitation has expired.';
  elsif not access.admits(invite, box, caller) then
    perform access.require_not_deactivated(box);
    raise exception 'invite_closed' using errcode = 'OC410', detail = 'This invitation has been revoked or has expired.';
  end if;
  if caller is null then
    caller := access.create_caller('sys_user', 'invite');
  else
    perform access.set_caller(caller);
  end if;
  perform access.join_org(invite, caller);
  return query select * from access.me();
  perform set_config('request.jwt.claims', claims, true);
end
$$;
alter function access.accept_invite(text) owner to app_rules;
grant execute on function access.accept_invite(text) to authenticated;

-- The open invitations to the caller, for accepting in the app what a mail announced.
create function access.my_invites() returns table (
  id uuid, org_id uuid, org_name text, role text, expires_at timestamptz, created_at timestamptz
)
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select i.id, i.org_id, o.name, i.role::text, i.expires_at, i.created_at
    from access.users u
    join access.invites i on i.mailbox = u.mailbox and i.email = u.email and i.status = 'pending'
    join access.orgs o on o.id = i.org_id
    where u.id = app.uid() and access.admits(i, u.mailbox, u.id);
end
$$;
alter function access.my_invites() owner to app_rules;
grant execute on function access.my_invites() to authenticated;

-- Locks an open invitation to the caller.
create function access.lock_my_invite(invite_id uuid) returns access.invites
  language plpgsql volatile set search_path = ''
as $$
declare
  invite access.invites;
begin
  select i.* into invite from access.invites i
  where i.id = invite_id and i.status = 'pending'
    and (i.mailbox, i.email) = (select u.mailbox, u.email from access.users u where u.id = app.uid())
  for update;
  perform app.require(case when access.admits(invite, invite.mailbox, app.uid()) then true end);
  return invite;
end
$$;
alter function access.lock_my_invite(uuid) owner to app_rules;

-- Accepts an invitation to the caller without its token: the caller's e-mail is verified.
create function access.accept_my_invite(invite_id uuid) returns table (
  id uuid, email text, full_name text, avatar_url text, phone text, sys_role text, current_org_id uuid,
  metadata jsonb, organizations jsonb, created_at timestamptz, updated_at timestamptz
)
  language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform access.join_org(access.lock_my_invite(invite_id), app.uid());
  return query select * from access.me();
end
$$;
alter function access.accept_my_invite(uuid) owner to app_rules;
grant execute on function access.accept_my_invite(uuid) to authenticated;

create function access.decline_invite(invite_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  invite access.invites := access.lock_my_invite(invite_id);
begin
  update access.invites i set status = 'revoked' where i.org_id = invite.org_id and i.id = invite.id;
end
$$;
alter function access.decline_invite(uuid) owner to app_rules;
grant execute on function access.decline_invite(uuid) to authenticated;
