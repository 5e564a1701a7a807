"""What may be a credential is masked in texts, and nothing else."""

import pytest

from datasets.masking import masked

KEY = "wJalrXUt/K7MD+bPx="


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see s3://key:pass@bucket/a and http://b/c@d", "see s3://...@bucket/a and http://b/c@d"),
        ("netloc 'me:pass@ex\u2100mple.org' is none", "netloc '...@ex\u2100mple.org' is none"),
        ("GET http://a/b?w=1&X-Amz-Signature=abc&token=d e", "GET http://a/b?w=1&X-Amz-Signature=...&token=... e"),
        ('"/b?sig=x%2Fy;se=2026"', '"/b?sig=...;se=2026"'),
        ("mail@example.org, cat/a@2.png, 3 = key", "mail@example.org, cat/a@2.png, 3 = key"),
    ],
)
def test_users_and_signatures_of_urls_are_masked(text, shown):
    assert masked(text) == shown


def test_secrets_of_the_environment_are_masked_however_they_are_written(monkeypatch):
    monkeypatch.setenv("SOME_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("SOME_DATABASE_URL", "postgresql://me:long-enough@db/prefect")
    assert masked(f"{KEY} wJalrXUt%2FK7MD%2BbPx%3D long-enough") == "... ... ..."


def test_what_stands_in_texts_by_chance_and_names_of_files_are_kept(monkeypatch, tmp_path):
    file = tmp_path / "credentials.json"
    file.write_text("{}")
    monkeypatch.setenv("SOME_CREDENTIALS", str(file))
    monkeypatch.setenv("SOME_TOKEN", "test")
    monkeypatch.setenv("SOME_FLAG", "images of cats")
    assert masked(f"{file}: images of cats, test") == f"{file}: images of cats, test"


def test_an_address_that_is_none_in_the_environment_is_no_fault(monkeypatch):
    monkeypatch.setenv("SOME_ADDRESS", "http://[a@b")
    assert masked("a") == "a"
