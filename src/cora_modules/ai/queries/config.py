"""SQL of the settings of answers."""

_SYS_COLUMNS = (
    "c.chat_model_id, c.embedding_model_id, c.system_prompt, c.temperature, c.max_tokens, c.top_k, c.similarity"
)

GET_SYS_CONFIG = "select " + _SYS_COLUMNS + " from ai.ai_config_sys c"

SET_SYS_CONFIG = (
    """
update ai.ai_config_sys c
set chat_model_id = %(chat_model_id)s, embedding_model_id = %(embedding_model_id)s, system_prompt = %(system_prompt)s,
  temperature = %(temperature)s, max_tokens = %(max_tokens)s, top_k = %(top_k)s, similarity = %(similarity)s
returning """
    + _SYS_COLUMNS
)

# An organization without a row has the defaults of the table.
GET_ORG_CONFIG = """
select c.mission, coalesce(c.custom_prompts, '{}') as custom_prompts,
  coalesce(c.citation_style, 'numbers') as citation_style, coalesce(c.tone, 'neutral') as tone, c.max_response_tokens,
  c.chat_model_id
from (values (%(org_id)s::uuid)) as wanted (org_id) left join ai.ai_config_org c on c.org_id = wanted.org_id
"""

SET_ORG_CONFIG = """
insert into ai.ai_config_org as c (
  org_id, mission, custom_prompts, citation_style, tone, max_response_tokens, chat_model_id
)
values (
  %(org_id)s, %(mission)s, %(custom_prompts)s, %(citation_style)s, %(tone)s, %(max_response_tokens)s, %(chat_model_id)s
)
on conflict (org_id) do update set mission = excluded.mission, custom_prompts = excluded.custom_prompts,
  citation_style = excluded.citation_style, tone = excluded.tone, max_response_tokens = excluded.max_response_tokens,
  chat_model_id = excluded.chat_model_id
returning c.mission, c.custom_prompts, c.citation_style, c.tone, c.max_response_tokens, c.chat_model_id
"""
