"""SQL of messages."""

_COLUMNS = """
select m.id, m.role, m.content, m.citations, m.model, m.tokens_in, m.tokens_out, m.finish_reason, m.error, m.reply_to,
       m.created_at, m.created_by
"""

# The organization as a sub-select, which is evaluated first: the page is then one range of an index.
LIST_MESSAGES = (
    _COLUMNS
    + """
from chat.messages m
where m.org_id = (select c.org_id from chat.live_chats c where c.id = %(chat_id)s) and m.chat_id = %(chat_id)s
"""
)

GET_MESSAGE = _COLUMNS + "from chat.messages m where m.chat_id = %(chat_id)s and m.id = %(message_id)s"

ADD_MESSAGE = _COLUMNS + "from chat.add_message(%(chat_id)s, %(role)s, %(content)s, %(reply_to)s) m"

DELETE_MESSAGE = "delete from chat.messages where chat_id = %(chat_id)s and id = %(message_id)s"

# One row: the chat, and its newest messages, oldest first.
EXPORT = """
select c.id, c.title, c.created_at, (
  select coalesce(jsonb_agg(to_jsonb(m) order by m.created_at, m.id), '[]') from (
    select m.id, m.role, m.content, m.citations, m.model, m.tokens_in, m.tokens_out, m.finish_reason, m.error,
           m.reply_to, m.created_at, m.created_by
    from chat.messages m where m.org_id = c.org_id and m.chat_id = c.id
    order by m.created_at desc, m.id desc limit %(limit)s
  ) m
) as messages
from chat.live_chats c where c.id = %(chat_id)s
"""
