"""SQL of organizations and their e-mail domains."""

_SELECT_ORG = """
select o.id, o.name, o.slug, o.description, o.logo_url, o.website_url, o.app_name, o.app_icon,
       m.org_role as my_role,
       (select count(*) from access.org_members c where c.org_id = o.id) as member_count,
       o.created_at, o.updated_at
"""
_JOIN_MY_MEMBERSHIP = """
join access.org_members m on m.org_id = o.id and m.user_id = (select app.uid())
"""

LIST_ORGS = _SELECT_ORG + "from access.orgs o" + _JOIN_MY_MEMBERSHIP

GET_ORG = _SELECT_ORG + "from access.orgs o" + _JOIN_MY_MEMBERSHIP + "where o.id = %(org_id)s"

# The new organization has one member, the caller. Both are constants here: the membership that the function inserts is
# not visible in the snapshot of this statement.
CREATE_ORG = """
select o.id, o.name, o.slug, o.description, o.logo_url, o.website_url, o.app_name, o.app_icon,
       'org_owner' as my_role, 1 as member_count, o.created_at, o.updated_at
from access.create_org(
  %(name)s, %(slug)s, %(description)s, %(logo_url)s, %(website_url)s, %(app_name)s, %(app_icon)s
) o
"""

UPDATE_ORG = (
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
    + _SELECT_ORG
    + "from changed o"
    + _JOIN_MY_MEMBERSHIP
)

DELETE_ORG = "delete from access.orgs where id = %(org_id)s"

_DOMAIN_COLUMNS = (
    "d.id, d.org_id, d.domain, d.auto_provision, d.default_role, d.verified_at, d.created_at, d.updated_at"
)

LIST_DOMAINS = "select " + _DOMAIN_COLUMNS + " from access.org_email_domains d where d.org_id = %(org_id)s"

ADD_DOMAIN = (
    """
insert into access.org_email_domains as d (org_id, domain, auto_provision, default_role)
values (%(org_id)s, %(domain)s, %(auto_provision)s, %(default_role)s)
returning """
    + _DOMAIN_COLUMNS
)

UPDATE_DOMAIN = (
    """
update access.org_email_domains d
set (auto_provision, default_role) = (
  select p.auto_provision, p.default_role from jsonb_populate_record(d, %(patch)s) p
)
where d.org_id = %(org_id)s and d.id = %(domain_id)s
returning """
    + _DOMAIN_COLUMNS
)

DELETE_DOMAIN = "delete from access.org_email_domains where org_id = %(org_id)s and id = %(domain_id)s"

VERIFY_DOMAIN = "select " + _DOMAIN_COLUMNS + " from access.verify_domain(%(domain_id)s) d"
