import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.sources.downloads.urls import UnsafeUrl, WebUrl


def refusal(text: str) -> str:
    with pytest.raises(UnsafeUrl) as caught:
        WebUrl.parsed(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://a.example/1.jpg", WebUrl("http", "a.example", 80, "/1.jpg")),
        ("HTTPS://A.Example:8443/1.jpg?a=b#part", WebUrl("https", "a.example", 8443, "/1.jpg?a=b")),
        ("http://a.example", WebUrl("http", "a.example", 80, "/")),
        ("http://a.example.?x", WebUrl("http", "a.example", 80, "/?x")),
        ("http://a.example/a b/é%20.jpg", WebUrl("http", "a.example", 80, "/a%20b/%C3%A9%20.jpg")),
        ("http://bücher.example/", WebUrl("http", "xn--bcher-kva.example", 80, "/")),
        ("http://[2606:4700:0::1]:81/", WebUrl("http", "2606:4700::1", 81, "/")),
        ('http://a.example/"<>`{}|', WebUrl("http", "a.example", 80, "/%22%3C%3E%60%7B%7D%7C")),
    ],
)
def test_what_is_asked_for(text, expected):
    assert WebUrl.parsed(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ftp://a.example/1.jpg", "only http and https are allowed, not ftp"),
        ("file:///etc/passwd", "only http and https are allowed, not file"),
        ("javascript:alert(1)", "only http and https are allowed, not javascript"),
        ("a.example/1.jpg", "only http and https are allowed, not a.example/1.jpg"),
        ("a.example/1.jpg?w=1&sig=4711", "only http and https are allowed, not a.example/1.jpg?w=1&sig=..."),
        (
            "http://me:secret@a\u2100b/",
            "it is no URL (netloc '...@a\\u2100b' contains invalid characters under NFKC...)",
        ),
        ("http://user:secret@a.example/", "it holds a user name or password"),
        ("http://a.example@10.0.0.1/", "it holds a user name or password"),
        ("http:///1.jpg", "it names no server"),
        ("http://a b/", "'a b' is no name of a server"),
        ("http://a%2eexample/", "'a%2eexample' is no name of a server"),
        ("http://a.example:0/", "port 0 does not exist"),
        ("http://a.example:65536/", "it is no URL (Port out of range 0-65535)"),
        ("http://a.example/\r\nHost: b", "it holds control characters or backslashes"),
        ("http://a.example\\@b.example/", "it holds control characters or backslashes"),
        ("http://[::1/", "it is no URL (Invalid IPv6 URL)"),
        ("http://a.example/" + "a" * 8192, "it has 8209 characters; at most 8192 are allowed"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_not_asked_for(text, sentence):
    assert refusal(text) == sentence


@given(st.text() | st.from_regex(r"https?://[^/]{0,20}/.{0,20}", fullmatch=True))
def test_any_text_is_asked_for_in_one_way_or_refused(text):
    try:
        url = WebUrl.parsed(text)
    except UnsafeUrl:
        return
    assert re.fullmatch(r"[!-~]+", url.text)
    assert WebUrl.parsed(url.text) == url


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("w=100&h=50", "w=100&h=50"),
        ("X-Amz-Date=1&X-Amz-Signature=abc&w=1", "X-Amz-Date=...&X-Amz-Signature=...&w=1"),
        ("X-Goog-Algorithm=GOOG4", "X-Goog-Algorithm=..."),
        ("sv=2020&sig=abc%3D;token=1", "sv=2020&sig=...;token=..."),
        ("AWSAccessKeyId=AK&Expires=17&Signature=x", "AWSAccessKeyId=...&Expires=...&Signature=..."),
        ("api_key=1&Key-Pair-Id=2&access-token=3", "api_key=...&Key-Pair-Id=...&access-token=..."),
        ("to%6Ben=1&PASSWORD=2&client_credential=3", "to%6Ben=...&PASSWORD=...&client_credential=..."),
        ("keyword=cat&monkey=1&token", "keyword=cat&monkey=1&token"),
    ],
)
def test_what_may_be_a_credential_is_not_shown(query, shown):
    assert WebUrl.parsed(f"https://a.example/1.jpg?{query}").shown == f"https://a.example/1.jpg?{shown}"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/2.jpg", "http://a.example:81/2.jpg"),
        ("2.jpg?x=1", "http://a.example:81/b/2.jpg?x=1"),
        ("//c.example/2.jpg", "http://c.example/2.jpg"),
        ("https://c.example:443/é", "https://c.example/%C3%A9"),
    ],
)
def test_where_a_redirect_leads(location, expected):
    assert WebUrl.parsed("http://a.example:81/b/1.jpg?token=1").redirected(location).text == expected


@given(st.text())
def test_any_redirect_is_followed_in_one_way_or_refused(location):
    with suppress(UnsafeUrl):
        assert WebUrl.parsed("http://a.example/").redirected(location).scheme in ("http", "https")
