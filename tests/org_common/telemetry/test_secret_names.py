"""Which names have secret values, in every spelling, and which only look alike."""

import pytest

from org_common.telemetry.secret_names import MAX_CACHED, SecretNames

SECRET = [
    *("password", "DB_PASSWORD", "passWord", "user-password", "passwort", "passwd", "pwd", "passphrase"),
    *("pass_phrase", "passcode", "pass", "dbPass", "db_pass", "dbpass", "PASS", "pw", "user-pw", "pin"),
    *("userPin", "card_pin", "PIN", "auth", "http_auth", "proxyAuth", "sid", "connect.sid", "PHPSESSID"),
    *("JSESSIONID", "sessionId", "session_id", "nonce", "client_assertion", "SAMLResponse", "saml_request"),
    *("code_verifier", "auth_code", "authorizationCode", "device_code", "verification-code", "otp", "totp"),
    *("otpCode", "mfa", "sig", "signature", "X-Amz-Signature", "token", "accessToken", "refresh_token"),
    *("id_token", "xsrf-token", "csrf_token", "secret", "client_secret", "apiKey", "X-Api-Key", "api_key"),
    *("access_key", "AccountKey", "SharedAccessKey", "signing_key", "ORG_COMMON_CURSOR_KEYS", "webhookKey"),
    *("jwt", "bearer", "credentials", "aws_secret_access_key", "Authorization", "Proxy-Authorization", "Cookie"),
    *("set-cookie", "DATABASE_URL", "connectionString", "dsn", "claims", "mnemonic", "seed_phrase"),
    *("recovery_code", "cvv", "b'pin'"),
]
OPEN = [
    *("compass", "bypass_rules", "pass_rate", "mapping", "spinner", "author", "authority", "authors"),
    *("status_code", "error_code", "exit_code", "code", "postal_code", "side", "inside", "assign", "design"),
    *("signal", "primary_key", "idempotency_key", "cache_key", "keyboard", "monkey", "encode", "user_id"),
    *("org_id", "url", "tenant", "session_count", "database_auth", "footprint", "email", "name", "issuer"),
    *("subject", "path", "route"),
]


@pytest.mark.parametrize("name", SECRET)
def test_secret_name_is_recognized(name: str) -> None:
    names = SecretNames()

    assert name in names
    assert any(hint in name.lower() for hint in names.hints)


@pytest.mark.parametrize("name", OPEN)
def test_similar_name_is_not_secret(name: str) -> None:
    assert name not in SecretNames()


def test_own_names_are_secret_by_a_part_of_them() -> None:
    own = SecretNames(["IBAN", "tax-id"])

    assert "customer_iban" in own
    assert "TAX-ID" in own
    assert "tax_id" not in own
    assert {"iban", "tax-id"} <= set(own.hints)


def test_number_of_tokens_is_an_amount() -> None:
    names = SecretNames()

    assert all(map(names.is_amount, ["prompt_tokens", "token_count", "Secret_Version", "token_age_s"]))
    assert not any(map(names.is_amount, ["token", "pin", "otp"]))


@pytest.mark.parametrize("value", ["SplxlOBeZQQYbYS6WxSbIA", "hunter2", "123456", "4/0AX4XfWh"])
def test_code_that_was_issued_is_secret(value: str) -> None:
    assert SecretNames().is_issued_code("code", value)
    assert not SecretNames().is_issued_code("country_code", value)


@pytest.mark.parametrize("value", ["invalid_value", "ENOENT", "200", "23505", "22P02", "not found"])
def test_error_code_is_not(value: str) -> None:
    assert not SecretNames().is_issued_code("code", value)


def test_cache_is_bounded() -> None:
    names = SecretNames()

    assert [f"token{at}" in names for at in range(MAX_CACHED + 100)] == [True] * (MAX_CACHED + 100)
