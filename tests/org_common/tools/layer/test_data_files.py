from pathlib import Path

import pytest

from org_common.tools.layer.data_files import choose

KEY = "-----BEGIN {}PRIVATE KEY-----\nMIIE\n-----END {}PRIVATE KEY-----\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "src" / "shop"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (tmp_path / "outside.json").write_text("{}")
    return folder


def chosen(package: Path) -> tuple[set[str], list[str]]:
    files, left_out = choose(package, package.parents[1])
    return {file.name for file in files}, left_out


@pytest.mark.parametrize(
    "name",
    [
        "rates.json",
        "logo.png",
        "page.html",
        "cities.csv",
        "rds.pem",
        "words.txt",
        "a b.json",
        "keys.json",
        "envelope.txt",
    ],
)
def test_data_is_chosen(package: Path, name: str) -> None:
    (package / name).write_text("-----BEGIN CERTIFICATE-----")

    assert chosen(package) == ({name}, [])


@pytest.mark.parametrize("name", ["README.md", "orders.py", "orders.pyi", "0001_shop.sql", "py.typed", "notes.rst"])
def test_what_is_not_data_is_left_out_silently(package: Path, name: str) -> None:
    (package / name).touch()

    assert chosen(package) == (set(), [])


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".ENV", ".env.local", ".env.production", "prod.env", ".netrc", ".pgpass", ".npmrc", ".pypirc"),
        *(".orders.py.swp", ".DS_Store", ".gitignore", ".coverage", "rates.json~", "#rates.json#", "rates.json.orig"),
        *("rates.json.bak", "x.rej", "x.tmp", "debug.log", "core", "Thumbs.db"),
        *("credentials.json", "credentials", "Credentials.CSV", "secrets.yaml", "secret.txt", "app.secrets"),
        *("id_rsa", "id_ed25519", "server.key", "cert.p12", "cert.pfx", "store.jks", "x.ppk", "passwords.kdbx"),
        *(
            "terraform.tfstate",
            "terraform.tfstate.backup",
            "prod.tfvars",
            "service-account.json",
            "client_secret_1.json",
        ),
    ],
)
def test_leftovers_and_secrets_are_left_out_with_the_reason(package: Path, name: str) -> None:
    (package / name).write_text("{}")

    files, [reason] = chosen(package)

    assert files == set()
    assert reason.startswith(f"src/shop/{name}, ")
    assert "get_secret()" in reason or "rename it" in reason


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize(
    "text", ["{}", "\ufeff# key\r\n{}", '{{"private_key": "{}"}}', "-----BEGIN CERTIFICATE-----\n{}"]
)
def test_private_key_is_left_out_whatever_its_name(package: Path, kind: str, text: str) -> None:
    (package / "private.pem").write_text(text.format(KEY.format(kind, kind)))

    files, [reason] = chosen(package)

    assert files == set()
    assert "contains a private key" in reason


@pytest.mark.parametrize(
    "text", ["PuTTY-User-Key-File-3: ssh-ed25519", "-----BEGIN PGP PRIVATE KEY BLOCK-----", KEY.format("", "")]
)
def test_other_forms_of_private_keys_are_left_out(package: Path, text: str) -> None:
    (package / "data.txt").write_text(text)

    assert chosen(package)[0] == set()


@pytest.mark.parametrize("target", ["/etc/hostname", "../../../outside.json", "../../../folder/x.json", "chain.json"])
def test_link_out_of_the_project_is_left_out(package: Path, target: str) -> None:
    (package.parents[2] / "folder").symlink_to(package.parents[2])
    (package.parents[2] / "x.json").touch()
    (package.parent / "chain.json").symlink_to("/etc/hostname")
    (package / "rates.json").symlink_to(package.parent / target if target == "chain.json" else target)

    files, [reason] = chosen(package)

    assert files == set()
    assert "outside of the project: copy the file" in reason


def test_link_within_the_project_is_chosen(package: Path) -> None:
    (package.parent / "rates.json").write_text("{}")
    (package / "rates.json").symlink_to("../rates.json")

    assert chosen(package) == ({"rates.json"}, [])


def test_package_that_is_a_link_has_its_own_data(package: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "rates.json").touch()
    (shared / "other.json").symlink_to("rates.json")
    (package.parent / "shared").symlink_to(shared)

    assert chosen(package.parent / "shared")[0] == {"rates.json", "other.json"}


@pytest.mark.parametrize("target", [".env", "../.env", "credentials.json"])
def test_link_to_a_secret_is_left_out(package: Path, target: str) -> None:
    (package / target).write_text("{}")
    (package / "settings.json").symlink_to(target)

    assert "settings.json" not in chosen(package)[0]


def test_broken_link_and_folder_are_no_data(package: Path) -> None:
    (package / "x.json").symlink_to("nothing")
    (package / "templates").mkdir()

    assert chosen(package) == (set(), [])
