"""SQL of the caller's own profile and first sign-in."""

# Functions return the private columns of a user's own row: `authenticated` has no grant on them.
SELECT_ME = """
select m.id, m.email, m.full_name, m.avatar_url, m.phone, m.sys_role, m.current_org_id, m.metadata, m.organizations,
       m.created_at, m.updated_at
from """

GET_ME = SELECT_ME + "access.me() m"

UPDATE_ME = SELECT_ME + "access.update_me(%(patch)s) m"

PROVISION = SELECT_ME + "access.provision() m"
