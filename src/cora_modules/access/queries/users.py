"""SQL of the platform's users, for its administrators."""

_COLUMNS = "u.id, u.email, u.full_name, u.avatar_url, u.sys_role, u.is_active, u.created_at, u.updated_at"

LIST_USERS = "select " + _COLUMNS + " from access.users u"

GET_USER = LIST_USERS + " where u.id = %(user_id)s"

UPDATE_USER = "select " + _COLUMNS + " from access.update_user(%(user_id)s, %(patch)s) u"
