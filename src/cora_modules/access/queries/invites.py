"""SQL of invitations."""

from cora_modules.access.queries.me import SELECT_ME

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

ACCEPT_INVITE = SELECT_ME + "access.accept_invite(%(token)s) m"
