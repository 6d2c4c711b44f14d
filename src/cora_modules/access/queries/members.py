"""SQL of the members of an organization."""

_SELECT_MEMBER = """
select u.id, u.email, u.full_name, u.avatar_url, m.org_role as role, m.created_at as added_at
"""
_JOIN_USER = """
join access.users u on u.id = m.user_id
"""

LIST_MEMBERS = _SELECT_MEMBER + "from access.org_members m" + _JOIN_USER + "where m.org_id = %(org_id)s"

ADD_MEMBER = _SELECT_MEMBER + "from access.add_member(%(org_id)s, %(user_id)s, %(role)s) m" + _JOIN_USER

CHANGE_MEMBER = (
    _SELECT_MEMBER + "from access.change_member(%(org_id)s, %(user_id)s, %(patch)s ->> 'role') m" + _JOIN_USER
)

REMOVE_MEMBER = "select access.remove_member(%(org_id)s, %(user_id)s)"
