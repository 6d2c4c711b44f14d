"""SQL of the models that organizations use. Its functions check that the caller is a member."""

RESOLVE_MODEL = """
select m.id, m.kind, m.model_id, m.dimensions, m.context_tokens, m.cost_in, m.cost_out, m.provider_id, m.provider_name,
  m.provider_kind, m.auth, m.secret_ref, m.region, m.base_url
from ai.resolve_model(%(org_id)s, %(kind)s, %(model_id)s) m
"""

EFFECTIVE_CONFIG = """
select c.prompt, c.citation_style, c.tone, c.temperature, c.max_tokens, c.top_k, c.similarity, c.chat_model_id,
  c.embedding_model_id
from ai.effective_config(%(org_id)s) c
"""

RECORD_CALL = """
select ai.record_call(
  %(org_id)s, %(call_id)s, %(model_id)s, %(tokens_in)s, %(tokens_out)s, %(latency_ms)s, %(error_kind)s
)
"""
