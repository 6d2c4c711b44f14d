"""SQL of the worker, for the role app_service."""

CLAIM = """
select c.outcome, c.org_id, c.base_id, c.filename, c.media_type, c.size_bytes, c.sha256, c.storage_key, c.chunk_tokens,
  c.overlap_tokens, c.active_model_id
from kb.claim_document(%(document_id)s, %(claim_id)s, %(lease_s)s, %(max_attempts)s) c
"""

FAIL = "select kb.fail_document(%(document_id)s, %(claim_id)s, %(reason)s, %(message)s)"

RELEASE = "select kb.release_document(%(document_id)s, %(claim_id)s, %(counts)s)"

BEGIN_RESULT = "select kb.begin_result(%(document_id)s, %(claim_id)s, %(model_id)s, %(dimensions)s)"

ADD_TEXTS = "select kb.add_texts(%(document_id)s, %(claim_id)s, %(starts)s, %(contents)s)"

ADD_CHUNKS = """
select kb.add_chunks(
  %(base_id)s, %(document_id)s, %(model_id)s, %(language)s, %(first_seq)s, %(contents)s, %(tokens)s, %(pages)s,
  %(headings)s, %(starts)s, %(ends)s, %(embeddings)s::text[]::public.vector[],
  %(boxes)s::text[]
)
"""

FINISH_RESULT = """
select kb.finish_result(%(document_id)s, %(claim_id)s, %(page_count)s, %(text_length)s, %(chunk_count)s)
"""
