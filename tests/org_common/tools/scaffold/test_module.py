from org_common.tools.scaffold.module import files


def test_files_of_a_module() -> None:
    written = files("billing")

    assert list(written) == [
        "src/billing/migrations/0001_billing.sql",
        "src/billing/migrations/isolation.toml",
        "src/billing/__init__.py",
        "src/billing/models/__init__.py",
        "src/billing/queries/__init__.py",
    ]
    assert "create schema billing;" in written["src/billing/migrations/0001_billing.sql"]
