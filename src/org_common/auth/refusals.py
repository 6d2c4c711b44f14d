"""Why a token was not taken. Texts are fixed: nothing of a token gets into an answer, a log or a traceback."""

from __future__ import annotations

from org_common.values.errors import Unauthorized, Unavailable

REASONS = {
    "no_token": "A valid access token is required.",
    "authorization_header": "The Authorization header must be sent once, as: Bearer TOKEN.",
    "too_long": "The access token is too long.",
    "malformed": "The access token is not three base64url parts.",
    "header_json": "The header of the access token is not a JSON object with each member once.",
    "payload_json": "The payload of the access token is not a JSON object with each member once.",
    "header_member": "The header of the access token has a member that is not supported.",
    "type": "The access token is of a type that is not accepted.",
    "kid": "The access token does not name its key.",
    "issuer": "The access token is of an issuer that is not accepted.",
    "algorithm": "The access token is signed with an algorithm that is not accepted.",
    "unknown_key": "The access token is signed with a key that its issuer does not publish.",
    "signature": "The signature of the access token is not valid.",
    "missing_claim": "The access token lacks a claim that is required.",
    "claim_type": "The access token has a claim of a wrong type.",
    "audience": "The access token is for another audience.",
    "lifetime": "The access token is valid for longer than is accepted.",
    "expired": "The access token has expired.",
    "not_yet_valid": "The access token is not valid yet.",
    "token_use": "The access token is for another use.",
    "required_claim": "The access token lacks what its issuer's settings require.",
    "too_large": "The claims of the access token are too large to be passed on.",
}


class TokenRefused(Unauthorized):
    """The token does not hold. `reason` is stable, one of `REASONS`; trying again with the same token is of no use."""

    retryable = False

    def __init__(self, reason: str) -> None:
        code = {"no_token": "unauthorized", "expired": "token_expired"}.get(reason, "invalid_token")
        super().__init__(REASONS[reason], code=code)
        self.reason = reason

    def log(self) -> None:
        """Whose answer it becomes says why: the caller is not told all of it. Nothing of the token is in the line."""
        import logging  # here, since most tokens hold, and an app is imported without it

        logging.getLogger("org_common").info("token refused: %s", self.reason)


class KeysUnavailable(Unavailable):
    """The issuer's keys cannot be had now, so nothing can be said of the token: 503, never a 401."""

    retryable = True
    reason = "keys_unavailable"
    code = "keys_unavailable"
    detail = "The access token cannot be verified at the moment. Try again shortly."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(self.detail, code=self.code, retry_after_s=retry_after_s)
