"""Errors for tokens that are not accepted. Their messages are fixed: no part of a token gets into responses or logs."""

from __future__ import annotations

from org_common.values.errors import Unauthorized, Unavailable

REASONS = {
    "no_token": "A valid access token is required.",
    "authorization_header": "The Authorization header must be sent once, as: Bearer TOKEN.",
    "too_long": "The access token is too long.",
    "malformed": "The access token is not three base64url parts.",
    "header_json": "The header of the access token is not a JSON object without duplicate keys.",
    "payload_json": "The payload of the access token is not a JSON object without duplicate keys.",
    "header_member": "The header of the access token has a parameter that is not supported.",
    "type": "The access token has a type that is not accepted.",
    "kid": "The access token has no valid key id.",
    "issuer": "The access token has an issuer that is not accepted.",
    "algorithm": "The access token is signed with an algorithm that is not accepted.",
    "unknown_key": "The access token is signed with a key that its issuer does not publish.",
    "signature": "The signature of the access token is not valid.",
    "missing_claim": "The access token lacks a required claim.",
    "claim_type": "The access token has a claim of the wrong type.",
    "audience": "The access token is for another audience.",
    "lifetime": "The lifetime of the access token is too long.",
    "expired": "The access token has expired.",
    "not_yet_valid": "The access token is not valid yet.",
    "token_use": "The access token is for another use.",
    "required_claim": "The access token lacks a claim value that its issuer's settings require.",
    "too_large": "The claims of the access token are too large to be passed on.",
}


class TokenRefused(Unauthorized):
    """The token is not valid, and a retry with it will not help."""

    retryable = False

    def __init__(self, reason: str) -> None:
        code = {"no_token": "unauthorized", "expired": "token_expired"}.get(reason, "invalid_token")
        super().__init__(REASONS[reason], code=code)
        self.reason = reason
        """Stable, one of `REASONS`."""

    def log(self) -> None:
        """Log the reason, of which the caller gets only a part. The line has no part of the token."""
        import logging  # here, as most tokens are valid, and an app does not import it otherwise

        logging.getLogger("org_common").info("token refused: %s", self.reason)


class KeysUnavailable(Unavailable):
    """The issuer's keys are unavailable, so the token can be neither accepted nor rejected: a 503, never a 401."""

    retryable = True
    reason = "keys_unavailable"
    code = "keys_unavailable"
    detail = "The access token cannot be verified at the moment. Try again shortly."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(self.detail, code=self.code, retry_after_s=retry_after_s)
