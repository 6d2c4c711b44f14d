-- Deactivation also applies to another token of the same mailbox, and to an admin whose request was waiting for a lock.

create index users_deactivated_email on access.users (email) where not is_active;

-- First sign-in. Returns an existing user unchanged. For a new one the first of these decides: open invitations for the
-- verified e-mail, an organization that admits users of its verified domain, the configured first owner.
-- A domain does not admit a deactivated user again, with any token; an invitation does.
create or replace function access.provision() returns table (
  id uuid, email text, full_name text, avatar_url text, phone text, sys_role text, current_org_id uuid,
  metadata jsonb, organizations jsonb, created_at timestamptz, updated_at timestamptz
)
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  claims text := current_setting('request.jwt.claims', true);
  caller uuid := access.lock_token();
  verified text := access.verified_email();
  domain access.org_email_domains;
begin
  if caller is not null then
    perform access.set_caller(caller);
  else
    perform from access.invites i
    where i.email = verified and i.status = 'pending' and i.expires_at > now()
    order by i.org_id for update;
    if found then
      caller := access.create_caller('sys_user', 'invite');
      with taken as (
        update access.invites i set status = 'accepted', accepted_by = caller
        where i.email = verified and i.status = 'pending' and i.expires_at > now()
        returning i.org_id, i.role, i.invited_by
      )
      insert into access.org_members (org_id, user_id, org_role, added_by)
      select t.org_id, caller, t.role, t.invited_by from taken t;
    else
      select d.* into domain from access.org_email_domains d
      where d.domain = split_part(verified, '@', 2) and d.verified_at is not null and d.auto_provision;
      if found then
        if exists (select from access.users u where u.email = verified and not u.is_active) then
          raise exception 'deactivated' using errcode = 'OC403', detail = 'This account has been deactivated.';
        end if;
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

-- Checked again after waiting for a lock: the user may have been deactivated since `app.identify`.
create or replace function app.find_sys_role() returns text
  language plpgsql stable
as $$
begin
  return (select u.sys_role from access.users u where u.id = app.uid() and u.is_active);
end
$$;
