-- Inviting, changing and removing members. Changes to one organization run one at a time, so that the last owner stays.

create index on access.org_members (org_id, created_at, user_id);

grant update (org_role), delete on access.org_members to app_rules;
create policy rules_change on access.org_members for update to app_rules using (true) with check (true);
create policy rules_remove on access.org_members for delete to app_rules using (true);

-- Former members. An organization that a deactivated user belonged to may invite them again, and
-- its domain does not readmit users that it removed.
create table access.former_members (
  org_id uuid not null references access.orgs on delete cascade,
  user_id uuid not null references access.users on delete cascade,
  created_at timestamptz not null,
  created_by uuid,
  updated_at timestamptz not null,
  updated_by uuid,
  primary key (org_id, user_id)
);
create index on access.former_members (user_id);
alter table access.former_members enable row level security, force row level security;
create trigger audit before insert or update on access.former_members for each row execute function app.audit();
grant select, insert on access.former_members to app_rules;
create policy rules_read on access.former_members for select to app_rules using (true);
create policy rules_add on access.former_members for insert to app_rules with check (true);

create function access.limit_orgs() returns trigger
  language plpgsql volatile set search_path = ''
as $$
begin
  -- Of several new memberships of a user at once, each sees the ones before.
  perform from access.users u where u.id = new.user_id for no key update;
  if (select count(*) from access.org_members m where m.user_id = new.user_id) >= 200 then
    raise exception 'too_many_orgs' using errcode = 'OC409', detail = 'A user belongs to at most 200 organizations.';
  end if;
  return new;
end
$$;
create trigger limit_orgs before insert on access.org_members for each row execute function access.limit_orgs();

-- An admin could otherwise claim every domain there is: each claim waits for a sys admin to verify it.
create function access.limit_email_domains() returns trigger
  language plpgsql volatile set search_path = ''
as $$
begin
  -- Of several new domains at once, each sees the ones before.
  perform pg_advisory_xact_lock(hashtextextended('access.email_domains of ' || new.org_id, 3));
  if (select count(*) from access.org_email_domains d where d.org_id = new.org_id) >= 20 then
    raise exception 'too_many_email_domains' using errcode = 'OC409',
      detail = 'An organization claims at most 20 e-mail domains. Delete one first.';
  end if;
  return new;
end
$$;
create trigger limit_email_domains before insert on access.org_email_domains
  for each row execute function access.limit_email_domains();

-- Raises unless the organization has an owner other than this user who can sign in.
create function access.require_other_owner(org_id uuid, user_id uuid) returns void
  language plpgsql stable set search_path = ''
as $$
begin
  if not exists (
    select from access.org_members m join access.users u on u.id = m.user_id and u.is_active
    where m.org_id = require_other_owner.org_id and m.org_role = 'org_owner'
      and m.user_id <> require_other_owner.user_id
  ) then
    raise exception 'last_owner' using errcode = 'OC409',
      detail = 'An organization needs an owner. Make another member an owner first.';
  end if;
end
$$;
alter function access.require_other_owner(uuid, uuid) owner to app_rules;

-- Invites a user that the caller sees: a user becomes a member only with their consent.
create function access.invite_user(org_id uuid, user_id uuid, role app.org_role)
  returns table (invite access.invites, org_name text, token text)
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  email text;
begin
  -- Admins cannot grant a role above their own.
  perform app.require(app.role_rank(access.lock_org(org_id, 'org_admin')) >= app.role_rank(role));
  if exists (
    select from access.org_members m where m.org_id = invite_user.org_id and m.user_id = invite_user.user_id
  ) then
    raise exception 'already_member' using errcode = 'OC409', detail = 'This user is a member already.';
  end if;
  -- A user that the caller cannot see counts as absent. Such users are invited by e-mail.
  select u.email into email from access.users u
  where u.id = invite_user.user_id and u.is_active and u.id in (select access.colleague_ids());
  if email is null then
    raise exception 'broken_reference' using errcode = 'OC409',
      detail = 'No user with this id and an e-mail shares an organization with you. Invite them by e-mail.';
  end if;
  return query select c.* from access.create_invite(invite_user.org_id, email, invite_user.role) c;
end
$$;
alter function access.invite_user(uuid, uuid, app.org_role) owner to app_rules;
grant execute on function access.invite_user(uuid, uuid, app.org_role) to authenticated;

create function access.change_member(org_id uuid, user_id uuid, role app.org_role) returns setof access.org_members
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  caller_rank integer := app.role_rank(access.lock_org(org_id, 'org_admin'));
  old_role app.org_role := (
    select m.org_role from access.org_members m
    where m.org_id = change_member.org_id and m.user_id = change_member.user_id
  );
  -- A patch without a role keeps the current one.
  new_role app.org_role := coalesce(role, old_role);
begin
  -- Admins can neither grant nor remove a role above their own.
  perform app.require(
    case when old_role is not null then caller_rank >= app.role_rank(old_role) and caller_rank >= app.role_rank(new_role) end
  );
  if old_role = 'org_owner' and new_role <> 'org_owner' then
    perform access.require_other_owner(org_id, user_id);
  end if;
  perform access.revoke_grants_of(org_id, user_id, new_role);
  return query
    update access.org_members as m set org_role = new_role
    where m.org_id = change_member.org_id and m.user_id = change_member.user_id
    returning m.*;
end
$$;
alter function access.change_member(uuid, uuid, app.org_role) owner to app_rules;
grant execute on function access.change_member(uuid, uuid, app.org_role) to authenticated;

-- Removes a member. Members may remove themselves.
create function access.remove_member(org_id uuid, user_id uuid) returns void
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  is_me boolean := user_id = app.uid();
  caller_rank integer := app.role_rank(access.lock_org(org_id, case when is_me then 'org_user' else 'org_admin' end));
  old_role text := (
    select m.org_role from access.org_members m
    where m.org_id = remove_member.org_id and m.user_id = remove_member.user_id
  );
begin
  perform app.require(case when old_role is not null then caller_rank >= app.role_rank(old_role) end);
  if old_role = 'org_owner' then
    perform access.require_other_owner(org_id, user_id);
  end if;
  perform access.revoke_grants_of(org_id, user_id, null);
  -- An invitation from before, which they have not accepted, would let them in again.
  update access.invites i set status = 'revoked'
  where i.org_id = remove_member.org_id and i.status = 'pending'
    and i.mailbox = (select u.mailbox from access.users u where u.id = remove_member.user_id);
  delete from access.org_members m where m.org_id = remove_member.org_id and m.user_id = remove_member.user_id;
  insert into access.former_members (org_id, user_id) values (remove_member.org_id, remove_member.user_id)
  on conflict do nothing;
end
$$;
alter function access.remove_member(uuid, uuid) owner to app_rules;
grant execute on function access.remove_member(uuid, uuid) to authenticated;
