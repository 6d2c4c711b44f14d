"""SQL of questions and answers."""

ASK = """
select a.org_id, a.message_id, a.answer_id, a.conversation, array(
  select b.base_id from chat.chat_bases b join kb.live_bases l on l.org_id = b.org_id and l.id = b.base_id
  where b.chat_id = %(chat_id)s
) as base_ids
from chat.ask(%(chat_id)s, %(content)s, %(history)s) a
"""

ADD_ANSWER = """
select chat.add_answer(
  %(question_id)s, %(answer_id)s, %(content)s, %(citations)s, %(model)s, %(tokens_in)s, %(tokens_out)s,
  %(finish_reason)s, %(error)s
)
"""
