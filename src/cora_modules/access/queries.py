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
