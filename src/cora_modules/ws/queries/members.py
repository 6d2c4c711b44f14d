"""SQL of the members of a workspace."""

# The id of the membership, and not that of the joined user: the page is then one range of an index.
_SELECT_MEMBER = """
select m.user_id as id, u.email, u.full_name, u.avatar_url, m.ws_role as role, m.added_at
"""
_JOIN_USER = """
join access.users u on u.id = m.user_id
"""

LIST_MEMBERS = _SELECT_MEMBER + "from ws.live_members m" + _JOIN_USER + "where m.ws_id = %(ws_id)s"

ADD_MEMBER = _SELECT_MEMBER + "from ws.add_member(%(ws_id)s, %(user_id)s, %(role)s) m" + _JOIN_USER

CHANGE_MEMBER = _SELECT_MEMBER + "from ws.change_member(%(ws_id)s, %(user_id)s, %(patch)s ->> 'role') m" + _JOIN_USER

REMOVE_MEMBER = "select ws.remove_member(%(ws_id)s, %(user_id)s)"
