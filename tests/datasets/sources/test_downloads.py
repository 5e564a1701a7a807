import hashlib
import os
import re
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from datasets.errors import BadInput
from datasets.sources.base import PROBLEMS
from datasets.sources.downloads.blobs import Blobs
from datasets.sources.downloads.network import UnknownHost
from datasets.sources.downloads.outcomes import OUTCOMES, Outcome
from datasets.sources.downloads.parallel import HOPELESS_AFTER_HOSTS, backoff_s, download_all
from datasets.sources.downloads.schedule import DOWN_AFTER
from datasets.sources.downloads.settings import DownloadSettings
from datasets.sources.downloads.urls import Wanted, WebUrl
from tests.datasets.sources.misbehaving_server import JPEG, Handler, Server

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def blobs(tmp_path):
    blobs = Blobs(tmp_path / "cache")
    blobs.prepare()
    return blobs


@pytest.fixture
def downloaded(blobs):
    """downloaded(*urls, **settings) are the outcomes of URLs, in their order."""

    def download(*urls: str, resolver=None, may_all_fail=True, **settings) -> list[Outcome]:
        settings = {"allowed_private_networks": LOOPBACK, "backoff_s": 0.01, "timeout_s": 5, **settings}
        wanted = [Wanted(key, WebUrl.parsed(url)) for key, url in enumerate(urls)]
        options = {"resolver": resolver} if resolver else {}
        batches = download_all(wanted, DownloadSettings(**settings), blobs, may_all_fail=may_all_fail, **options)
        outcomes = sorted((outcome for batch in batches for outcome in batch), key=lambda outcome: outcome.key)
        assert [outcome.key for outcome in outcomes] == list(range(len(urls)))
        assert not list((blobs.folder / "partial").iterdir())
        return outcomes

    return download


def one(outcomes: list[Outcome]) -> tuple[str, str | None, int | None, int]:
    (outcome,) = outcomes
    return outcome.code, outcome.detail, outcome.status, outcome.attempts


def test_a_good_answer_is_kept_byte_for_byte(server, downloaded, blobs):
    (outcome,) = downloaded(server.url("/a b.jpg?token=secret&w=1"))
    sha256 = hashlib.sha256(JPEG).hexdigest()
    assert outcome == Outcome(
        key=0,
        url=server.url("/a%20b.jpg?token=...&w=1"),
        code="downloaded",
        status=200,
        attempts=1,
        size_bytes=len(JPEG),
        sha256=sha256,
    )
    assert blobs.read(sha256) == JPEG
    assert server.asked == {"/a%20b.jpg?token=secret&w=1": 1}


def test_what_servers_are_told(server, downloaded):
    downloaded(server.url(), user_agent="tests (+mailto:me@example.org)")
    assert server.headers["/1.jpg"] == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "tests (+mailto:me@example.org)",
        "accept": "image/*,*/*;q=0.5",
        "accept-encoding": "identity",
    }


def test_proxies_from_the_environment_are_not_used(server, downloaded, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert one(downloaded(server.url()))[0] == "downloaded"


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/JPEG; charset=x", "application/octet-stream", None])
def test_types_that_may_be_images(server, downloaded, kind):
    server.answer_all = lambda handler: handler.send(content_type=kind)
    assert one(downloaded(server.url())) == ("downloaded", None, 200, 1)


def test_a_body_without_a_length_ends_with_the_connection(server, downloaded):
    server.answer_all = lambda handler: handler.raw(b"HTTP/1.0 200 OK\r\n\r\n", JPEG)
    assert one(downloaded(server.url())) == ("downloaded", None, 200, 1)


def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


PERMANENT = {
    "not found": (lambda h: h.send(b"", 404), "http_error", "the server answered 404 (Not Found)", 404),
    "gone": (lambda h: h.send(b"", 410), "http_error", "the server answered 410 (Gone)", 410),
    "forbidden": (lambda h: h.send(b"", 403), "http_error", "the server answered 403 (Forbidden)", 403),
    "no content": (
        lambda h: h.raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
        "http_error",
        "the server answered 204 (No Content)",
        204,
    ),
    "odd status": (lambda h: h.raw(b"HTTP/1.1 499 <b>\r\n\r\n"), "http_error", "the server answered 499", 499),
    "page": (
        lambda h: h.send(content_type="text/html; charset=utf-8"),
        "wrong_type",
        "the server calls it text/html, which is no image",
        200,
    ),
    "a type that repeats what was asked": (
        lambda h: h.send(content_type="text/html&token=4711"),
        "wrong_type",
        "the server calls it text/html, which is no image",
        200,
    ),
    "empty": (lambda h: h.send(b""), "empty_body", "the server answered with nothing", 200),
    "gzip": (
        lambda h: h.send(content_encoding="gzip"),
        "encoded_body",
        "the body is encoded (gzip), which was not asked for",
        200,
    ),
    "robots": (lambda h: h.send(x_robots_tag="noai"), "not_allowed", "the server's X-Robots-Tag says noai", 200),
    "long": (
        lambda h: h.send(b"x" * 2000),
        "too_many_bytes",
        "more than 1000 bytes (max_bytes)",
        200,
    ),
    "no location": (lambda h: h.send(b"", 302), "bad_redirect", "a redirect without a location", 302),
    "to a file": (
        lambda h: h.send(b"", 302, location="file:///etc/passwd"),
        "unsafe_url",
        "a redirect leads to a URL that is not asked for: only http and https are allowed, not file",
        None,
    ),
    "to a name and password": (
        lambda h: h.send(b"", 301, location="http://me:secret@127.0.0.1/"),
        "unsafe_url",
        "a redirect leads to a URL that is not asked for: it holds a user name or password",
        None,
    ),
    "to the cloud's metadata": (
        lambda h: h.send(b"", 307, location="http://169.254.169.254/latest/meta-data/"),
        "unsafe_url",
        "its server 169.254.169.254 has an address that is not public, 169.254.169.254 (link-local); "
        "where that is meant, name its network in allowed_private_networks",
        None,
    ),
    "to a private network": (
        lambda h: h.send(b"", 308, location="http://10.0.0.1:22/"),
        "unsafe_url",
        "its server 10.0.0.1 has an address that is not public, 10.0.0.1 (private); "
        "where that is meant, name its network in allowed_private_networks",
        None,
    ),
}


@pytest.mark.parametrize(("answer", "code", "detail", "status"), PERMANENT.values(), ids=PERMANENT)
def test_what_another_attempt_would_not_change(server, downloaded, answer, code, detail, status):
    server.answer_all = answer
    assert one(downloaded(server.url(), max_bytes=1000)) == (code, detail, status, 1)
    assert server.asked == {"/1.jpg": 1}


PASSING = {
    "error": (lambda h: h.send(b"", 500), "server_busy", "the server answered 500 (Internal Server Error)", 500),
    "busy": (lambda h: h.send(b"", 503), "server_busy", "the server answered 503 (Service Unavailable)", 503),
    "early": (lambda h: h.send(b"", 425), "server_busy", "the server answered 425 (Too Early)", 425),
    "truncated": (
        lambda h: h.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
        "truncated_body",
        "the connection ended within the body",
        200,
    ),
    "truncated chunks": (
        lambda h: h.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
        "truncated_body",
        "the connection ended within the body",
        200,
    ),
    "silence": (lambda h: h.raw(), "no_answer", "the connection ended without an HTTP answer", None),
    "not http": (lambda h: h.raw(b"SSH-2.0\r\n\r\n"), "no_answer", "the connection ended without an HTTP answer", None),
    "endless header": (
        lambda h: h.raw(b"HTTP/1.1 200 OK\r\nA: ", b"a" * (1 << 18)),
        "no_answer",
        "the connection ended without an HTTP answer",
        None,
    ),
}


@pytest.mark.parametrize(("answer", "code", "detail", "status"), PASSING.values(), ids=PASSING)
def test_what_may_pass_is_tried_again_and_then_given_up(server, downloaded, answer, code, detail, status):
    server.answer_all = answer
    assert one(downloaded(server.url(), retries=1)) == (code, f"{detail}; 2 attempts", status, 2)
    assert server.asked == {"/1.jpg": 2}


@pytest.mark.parametrize("answer", [case[0] for case in PASSING.values()], ids=PASSING)
def test_what_did_pass_is_downloaded(server, downloaded, answer):
    server.answer_all = lambda handler: answer(handler) if server.asked["/1.jpg"] == 1 else handler.send()
    assert one(downloaded(server.url())) == ("downloaded", None, 200, 2)


def test_a_port_where_nothing_listens(downloaded):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        assert one(downloaded(url, retries=0)) == (
            "no_answer",
            "no connection (Connection refused); 1 attempt",
            None,
            1,
        )


# Slow servers: each would go on for minutes.

SLOW = {
    "no headers": (lambda h: h.server.stopping.wait(60), "no_answer", "no answer in time", None),
    "headers drip": (
        lambda h: h.raw(b"HTTP/1.1 200 OK\r\n", *[b"a: b\r\n"] * 1000, pause_s=0.05),
        "no_answer",
        "no answer in time",
        None,
    ),
    "endless informational answers": (
        lambda h: h.raw(*[b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 1000, pause_s=0.05),
        "no_answer",
        "no answer in time",
        None,
    ),
    "body stops": (
        lambda h: h.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"x", b"x", pause_s=60),
        "too_slow",
        "the body did not come in time",
        200,
    ),
    "body drips": (
        lambda h: h.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 1000, pause_s=0.05),
        "too_slow",
        "the body did not come in time",
        200,
    ),
}


@pytest.mark.parametrize(("answer", "code", "detail", "status"), SLOW.values(), ids=SLOW)
def test_slow_answers_end_in_time(server, downloaded, answer, code, detail, status):
    server.answer_all = answer
    began = time.monotonic()
    outcome = one(downloaded(server.url(), timeout_s=0.6, total_timeout_s=1.0, retries=0))
    assert outcome == (code, f"{detail}; 1 attempt", status, 1)
    assert time.monotonic() - began < 30


def endless(handler: Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not handler.server.stopping.is_set():
        handler.raw(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def test_an_endless_body_is_left_at_the_limit(server, downloaded, blobs):
    server.answer_all = endless
    outcome = one(downloaded(server.url(), max_bytes=1 << 20))
    assert outcome == ("too_many_bytes", "more than 1048576 bytes (max_bytes)", 200, 1)


def test_a_body_of_just_the_limit_is_kept(server, downloaded):
    assert one(downloaded(server.url(), max_bytes=len(JPEG)))[0] == "downloaded"


# Redirects


def test_redirects_are_followed_and_the_last_is_recorded(server, downloaded):
    server.answers["/1.jpg"] = lambda h: h.send(b"", 301, location="/2.jpg")
    server.answers["/2.jpg"] = lambda h: h.send(b"moved", 302, location=server.url("/3.jpg?sig=1", host="b.example"))
    (outcome,) = downloaded(server.url(host="a.example"), resolver=to_loopback)
    assert (outcome.code, outcome.attempts) == ("downloaded", 1)
    assert outcome.url == server.url(host="a.example")
    assert outcome.final_url == server.url("/3.jpg?sig=...", host="b.example")


def test_a_loop_of_redirects_ends(server, downloaded):
    server.answer_all = lambda h: h.send(b"", 302, location="/1.jpg")
    outcome = one(downloaded(server.url(), max_redirects=3))
    assert outcome == ("too_many_redirects", "more than 3 redirects", None, 1)
    assert server.asked == {"/1.jpg": 4}


def test_slow_redirects_end_in_time(server, downloaded):
    def slowly(handler):
        server.stopping.wait(0.2)
        handler.send(b"", 302, location="/1.jpg")

    server.answer_all = slowly
    outcome = one(downloaded(server.url(), total_timeout_s=0.5, max_redirects=20, retries=0))
    assert outcome == ("no_answer", "no answer in time; 1 attempt", None, 1)


# Addresses


def test_this_machine_is_refused_by_default(server, downloaded):
    outcome = one(downloaded(server.url(), allowed_private_networks=()))
    assert outcome == (
        "unsafe_url",
        "its server 127.0.0.1 has an address that is not public, 127.0.0.1 (loopback); "
        "where that is meant, name its network in allowed_private_networks",
        None,
        1,
    )
    assert not server.asked


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "[::1]"])
def test_other_ways_to_write_this_machine_are_refused(server, downloaded, host):
    assert one(downloaded(server.url(host=host), allowed_private_networks=()))[0] == "unsafe_url"
    assert not server.asked


def test_one_private_address_among_public_ones_is_refused(downloaded):
    outcome = one(downloaded("http://a.example/", resolver=lambda host, port: ["8.8.8.8", "10.0.0.1"]))
    assert outcome[1] == (
        "its server a.example has an address that is not public, 10.0.0.1 (private); "
        "where that is meant, name its network in allowed_private_networks"
    )


def test_a_name_that_resolves_differently_the_next_time_changes_nothing(server, downloaded):
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    outcome = one(
        downloaded(server.url(host="a.example"), resolver=rebinding, allowed_private_networks=["127.0.0.1/32"])
    )
    assert outcome == ("downloaded", None, 200, 1)
    assert asked == ["a.example"]
    assert server.headers["/1.jpg"]["host"] == f"a.example:{server.port}"


def test_a_name_that_resolves_to_a_private_address_after_a_redirect_is_refused(server, downloaded):
    answers = {"a.example": ["127.0.0.1"], "b.example": ["192.168.0.1"]}
    server.answers["/1.jpg"] = lambda h: h.send(b"", 302, location="http://b.example/")
    outcome = one(downloaded(server.url(host="a.example"), resolver=lambda host, port: answers[host]))
    assert outcome[0] == "unsafe_url"


def test_the_next_address_is_tried_when_one_does_not_answer(server, downloaded):
    resolver = lambda host, port: ["127.0.0.2", "127.0.0.1"]  # noqa: E731
    assert one(downloaded(server.url(host="a.example"), resolver=resolver, retries=0))[0] == "downloaded"


def test_a_name_without_an_address(downloaded):
    def resolver(host: str, port: int) -> list[str]:
        raise UnknownHost(f"the name {host} could not be resolved")

    outcome = one(downloaded("http://a.example/", resolver=resolver))
    assert outcome == ("no_answer", "the name a.example could not be resolved; 4 attempts", None, 4)


# Politeness


def test_no_more_connections_to_one_host_than_allowed(server, downloaded):
    def slowly(handler):
        server.stopping.wait(0.02)
        handler.send()

    server.answer_all = slowly
    outcomes = downloaded(*(server.url(f"/{number}") for number in range(40)), max_connections_per_host=3)
    assert {outcome.code for outcome in outcomes} == {"downloaded"}
    assert server.most_at_once == 3


def test_connections_are_used_again(server, downloaded):
    server.answers["/0"] = lambda h: h.send(b"", 302, location="/1")
    ports = set()

    def noting(handler):
        ports.add(handler.client_address[1])
        handler.send()

    server.answer_all = noting
    downloaded(*(server.url(f"/{number}") for number in range(20)), max_connections_per_host=1)
    assert len(ports) == 1


def test_no_more_requests_in_a_second_than_allowed(server, downloaded):
    began = time.monotonic()
    downloaded(*(server.url(f"/{number}") for number in range(5)), max_requests_per_host_per_s=20)
    assert time.monotonic() - began >= 4 / 20


def busy_at_first(server: Server, retry_after: str) -> None:
    server.answers["/1.jpg"] = lambda h: (
        h.send(b"", 429, retry_after=retry_after) if server.asked["/1.jpg"] == 1 else h.send()
    )


def test_a_server_that_says_when_to_come_back_is_obeyed_for_all_its_urls(server, downloaded):
    times = {}
    server.answer_all = lambda h: (times.setdefault(h.path, time.monotonic()), h.send())
    busy_at_first(server, "1")
    began = time.monotonic()
    outcomes = downloaded(server.url(), server.url("/2.jpg"), max_connections_per_host=1)
    assert [outcome.attempts for outcome in outcomes] == [2, 1]
    assert times["/2.jpg"] - began >= 0.9


def test_a_server_may_name_a_date(server, downloaded):
    busy_at_first(server, format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True))
    assert one(downloaded(server.url(), backoff_s=60)) == ("downloaded", None, 200, 2)


def test_more_patience_than_allowed_is_left_to_the_next_run(server, downloaded):
    busy_at_first(server, "3600")
    outcome = one(downloaded(server.url()))
    assert outcome == ("server_busy", "the server answered 429 (Too Many Requests); 1 attempt", 429, 1)


def test_a_header_that_is_neither_number_nor_date_is_ignored(server, downloaded):
    busy_at_first(server, "soon")
    assert one(downloaded(server.url()))[0] == "downloaded"


def test_waits_grow_and_are_the_same_every_time():
    waits = [[backoff_s(1, key, attempt) for key in range(1000)] for attempt in (1, 2, 3, 20)]
    assert [0.9 * longest < max(some) < longest for some, longest in zip(waits, (1, 2, 4, 60), strict=True)] == [
        True
    ] * 4
    assert 0.45 < sum(waits[0]) / 1000 < 0.55
    assert backoff_s(1, 7, 1) == waits[0][7]


def test_robots_tags_may_be_disregarded_but_are_noted(server, downloaded):
    server.answer_all = lambda h: h.send(x_robots_tag="noindex, noimageai")
    (outcome,) = downloaded(server.url(), respect_robots_tag=False)
    assert (outcome.code, outcome.robots) == ("downloaded", "noimageai")


# When servers are down


def test_a_host_that_never_answers_is_given_up(server, downloaded):
    server.answer_all = lambda h: h.raw()
    urls = [server.url(f"/{number}") for number in range(3 * DOWN_AFTER)]
    outcomes = downloaded(*urls, retries=0, max_connections=1)
    assert [outcome.code for outcome in outcomes] == ["no_answer"] * DOWN_AFTER + ["host_down"] * 2 * DOWN_AFTER
    assert outcomes[-1].detail == "its server 127.0.0.1 did not answer 8 downloads in a row"
    assert server.asked.total() == DOWN_AFTER


def test_where_no_server_answers_it_stops(downloaded):
    hosts = []

    def resolver(host: str, port: int) -> list[str]:
        hosts.append(host)
        raise UnknownHost(f"the name {host} could not be resolved")

    urls = [f"http://{number}.example/" for number in range(1000)]
    sentence = (
        r"no server answered, of \d+ that were asked \(the last: the name \d+.example could not be resolved; "
        r"1 attempt\); check the network of this machine \(proxies from the environment are not used\) and run again"
    )
    with pytest.raises(BadInput, match=f"^{sentence}$"):
        downloaded(*urls, resolver=resolver, retries=0, may_all_fail=False, max_connections=1)
    assert HOPELESS_AFTER_HOSTS <= len(hosts) < 1000


def test_a_single_server_that_does_not_answer_is_no_data_set(server, downloaded):
    server.answer_all = lambda h: h.raw()
    sentence = (
        "no server answered, of 1 that were asked (the last: the connection ended without an HTTP answer; 1 attempt); "
        "check the network of this machine (proxies from the environment are not used) and run again"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        downloaded(server.url(), retries=0, may_all_fail=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_bytes_that_cannot_be_written_end_it(server, downloaded, blobs):
    (blobs.folder / "partial").chmod(0o500)
    with pytest.raises(PermissionError):
        downloaded(server.url())


def test_a_cache_that_vanishes_ends_it(server, downloaded, blobs):
    (blobs.folder / "partial").rmdir()
    with pytest.raises(FileNotFoundError):
        downloaded(server.url())


def test_closing_ends_all_downloads_at_once(server, blobs):
    server.answers["/slow"] = lambda h: h.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b"x", pause_s=60)
    wanted = [Wanted(0, WebUrl.parsed(server.url("/slow"))), Wanted(1, WebUrl.parsed(server.url("/1.jpg")))]
    batches = download_all(wanted, DownloadSettings(allowed_private_networks=LOOPBACK), blobs)
    assert [outcome.key for outcome in next(batches)] == [1]
    while server.asked["/slow"] == 0:
        time.sleep(0.01)
    began, threads = time.monotonic(), threading.active_count()
    batches.close()
    assert time.monotonic() - began < 30
    assert threading.active_count() <= threads - DownloadSettings().max_connections
    assert not list((blobs.folder / "partial").iterdir())


# TLS


@pytest.fixture
def secure_server(server, tmp_path):
    pytest.importorskip("cryptography", reason="makes the certificate")
    certificate, key = _self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


def _self_signed(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(encoding))
    return folder / "certificate.pem", folder / "key.pem"


def test_a_certificate_that_is_trusted(secure_server, downloaded, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    url = f"https://a.example:{secure_server.port}/1.jpg"
    assert one(downloaded(url, resolver=to_loopback)) == ("downloaded", None, 200, 1)


def test_a_certificate_that_is_not_trusted(secure_server, downloaded):
    url = f"https://a.example:{secure_server.port}/1.jpg"
    outcome = one(downloaded(url, resolver=to_loopback))
    assert outcome == ("not_trusted", "the server's certificate is not trusted (self-signed certificate)", None, 1)
    assert not secure_server.asked


def test_a_certificate_of_another_server(secure_server, downloaded, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    code, detail, *_ = one(downloaded(f"https://b.example:{secure_server.port}/1.jpg", resolver=to_loopback))
    assert code == "not_trusted"
    assert "b.example" in detail


def test_a_server_without_tls(server, downloaded):
    code, detail, *_ = one(downloaded(f"https://127.0.0.1:{server.port}/1.jpg", retries=0))
    assert code == "no_answer"
    assert re.fullmatch(r"no secure connection \(.+\); 1 attempt", detail)


def test_every_outcome_has_a_problem_with_a_sentence():
    assert {meaning.problem for meaning in OUTCOMES.values()} - {None} <= set(PROBLEMS)


@pytest.mark.parametrize("network", ["10.0.0.5/8", "private", ""])
def test_networks_that_are_none_are_refused(network):
    with pytest.raises(ValueError, match=re.escape(f"got {network!r}, which is no network (")):
        DownloadSettings(allowed_private_networks=(network,))
