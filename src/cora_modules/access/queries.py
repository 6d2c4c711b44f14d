"""The SQL of the access module. Row-level security picks the rows; nothing here filters by tenant."""

_ORG = """
select o.id, o.name, o.slug, o.description, o.logo_url, o.website_url, o.app_name, o.app_icon,
       m.org_role as my_role,
       (select count(*) from access.org_members c where c.org_id = o.id) as member_count,
       o.created_at, o.updated_at
"""
_MINE = """
join access.org_members m on m.org_id = o.id and m.user_id = (select app.uid())
"""

LIST_ORGS = _ORG + "from access.orgs o" + _MINE

GET_ORG = _ORG + "from access.orgs o" + _MINE + "where o.id = %(org_id)s"

# The caller is the only member of what he has just made; this statement's snapshot does not show his membership yet.
CREATE_ORG = """
select o.id, o.name, o.slug, o.description, o.logo_url, o.website_url, o.app_name, o.app_icon,
       'org_owner' as my_role, 1 as member_count, o.created_at, o.updated_at
from access.create_org(
  %(name)s, %(slug)s, %(description)s, %(logo_url)s, %(website_url)s, %(app_name)s, %(app_icon)s
) o
"""

PATCH_ORG = (
    """
with changed as (
  update access.orgs o
  set (name, slug, description, logo_url, website_url, app_name, app_icon) = (
    select p.name, p.slug, p.description, p.logo_url, p.website_url, p.app_name, p.app_icon
    from jsonb_populate_record(o, %(patch)s) p
  )
  where o.id = %(org_id)s
  returning *
)
"""
    + _ORG
    + "from changed o"
    + _MINE
)

DELETE_ORG = "delete from access.orgs where id = %(org_id)s"

_DOMAIN = "d.id, d.org_id, d.domain, d.auto_provision, d.default_role, d.verified_at, d.created_at, d.updated_at"

LIST_DOMAINS = "select " + _DOMAIN + " from access.org_email_domains d where d.org_id = %(org_id)s"

ADD_DOMAIN = (
    """
insert into access.org_email_domains as d (org_id, domain, auto_provision, default_role)
values (%(org_id)s, %(domain)s, %(auto_provision)s, %(default_role)s)
returning """
    + _DOMAIN
)

PATCH_DOMAIN = (
    """
update access.org_email_domains d
set (auto_provision, default_role) = (
  select p.auto_provision, p.default_role from jsonb_populate_record(d, %(patch)s) p
)
where d.org_id = %(org_id)s and d.id = %(domain_id)s
returning """
    + _DOMAIN
)

DELETE_DOMAIN = "delete from access.org_email_domains where org_id = %(org_id)s and id = %(domain_id)s"

VERIFY_DOMAIN = "select " + _DOMAIN + " from access.verify_domain(%(domain_id)s) d"

# A user's own columns are shown to him by functions: colleagues have no grant on them.
_ME = """
select m.id, m.email, m.full_name, m.avatar_url, m.phone, m.sys_role, m.current_org_id, m.metadata, m.organizations,
       m.created_at, m.updated_at
from """

GET_ME = _ME + "access.me() m"

PATCH_ME = _ME + "access.update_me(%(patch)s) m"

PROVISION = _ME + "access.provision() m"

ACCEPT_INVITE = _ME + "access.accept_invite(%(token)s) m"

START_SESSION = """
select s.started_at, s.expires_at, s.user_agent
from access.start_session(%(token_id)s, to_timestamp(%(expires_at)s::float8), %(user_agent)s) s
"""

END_SESSIONS = "select access.end_sessions()"

_MEMBER = """
select u.id, u.email, u.full_name, u.avatar_url, m.org_role as role, m.created_at as added_at
"""
_USER_OF_IT = """
join access.users u on u.id = m.user_id
"""

LIST_MEMBERS = _MEMBER + "from access.org_members m" + _USER_OF_IT + "where m.org_id = %(org_id)s"

ADD_MEMBER = _MEMBER + "from access.add_member(%(org_id)s, %(user_id)s, %(role)s) m" + _USER_OF_IT

CHANGE_MEMBER = _MEMBER + "from access.change_member(%(org_id)s, %(user_id)s, %(patch)s ->> 'role') m" + _USER_OF_IT

REMOVE_MEMBER = "select access.remove_member(%(org_id)s, %(user_id)s)"

_SYS_USER = "u.id, u.email, u.full_name, u.avatar_url, u.sys_role, u.is_active, u.created_at, u.updated_at"

LIST_USERS = "select " + _SYS_USER + " from access.users u"

GET_USER = LIST_USERS + " where u.id = %(user_id)s"

PATCH_USER = "select " + _SYS_USER + " from access.update_user(%(user_id)s, %(patch)s) u"

LIST_INVITES = """
select i.id, i.org_id, i.email, i.role,
       case when i.status = 'pending' and i.expires_at <= now() then 'expired' else i.status end as status,
       i.expires_at, i.invited_by, i.created_at
from access.invites i
where i.org_id = %(org_id)s
"""

CREATE_INVITE = """
select (c.invite).id, (c.invite).org_id, (c.invite).email, (c.invite).role, (c.invite).status, (c.invite).expires_at,
       (c.invite).invited_by, (c.invite).created_at, c.org_name, c.token
from access.create_invite(%(org_id)s, %(email)s, %(role)s) c
"""

REVOKE_INVITE = "select access.revoke_invite(%(org_id)s, %(invite_id)s)"
