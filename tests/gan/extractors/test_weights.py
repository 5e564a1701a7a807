"""Weights from a server of this machine, and from files. No other network is asked."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from datasets.errors import BadInput
from gan.extractors.settings import INCEPTION_ADDRESS, ExtractorSettings
from gan.extractors.weights import cache_folder, missing_weights, weights_file

PAYLOAD = bytes(range(256)) * 40
SHA256 = hashlib.sha256(PAYLOAD).hexdigest()
NOBODY = "http://127.0.0.1:9/weights.tgz"
"""A port of this machine that nothing listens on."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAYLOAD) + (self.path == "/short")))
        self.end_headers()
        self.wfile.write(PAYLOAD)

    def log_message(self, *about):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        running.address = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no proxy."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "augment-dataset" / "weights"


def inception(address, sha256=SHA256):
    return ExtractorSettings(kind="inception-2015", address=address, weights_sha256=sha256)


def test_weights_are_downloaded_once_and_kept(server, cache):
    seen = []
    settings = inception(f"{server.address}/weights.tgz")
    assert missing_weights(settings) is None
    path = weights_file(settings, lambda done, total, **about: seen.append((done, total)))
    assert (path, path.read_bytes(), weights_file(settings)) == (cache / SHA256, PAYLOAD, path)
    assert server.asked == ["/weights.tgz"]
    assert seen[-1] == (len(PAYLOAD), len(PAYLOAD))


def test_what_was_kept_and_is_damaged_is_downloaded_again(server, cache):
    settings = inception(f"{server.address}/weights.tgz")
    weights_file(settings).write_bytes(PAYLOAD[:-1])
    assert weights_file(settings).read_bytes() == PAYLOAD
    assert len(server.asked) == 2


def test_another_digest_is_refused_and_the_file_deleted(server, cache):
    address = f"{server.address}/weights.tgz"
    sentence = (
        f"{address} gave a file with SHA-256 {SHA256}, extractor.weights_sha256 is {'0' * 64}; it was deleted; "
        "check the address and the digest"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        weights_file(inception(address, "0" * 64))
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("page", "reason"), [("/missing", "the server answered 404"), ("/short", "the answer ended early")]
)
def test_a_download_that_fails_says_why_and_leaves_nothing(server, cache, page, reason):
    address = server.address + page
    sentence = (
        f"{address} could not be downloaded ({reason}); without a network, download it elsewhere and set extractor.path"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        weights_file(inception(address))
    assert list(cache.iterdir()) == []


def test_without_a_network_the_sentence_says_what_to_do():
    sentence = (
        f"{NOBODY} could not be downloaded (Connection refused); without a network, download it elsewhere and "
        "set extractor.path"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        weights_file(inception(NOBODY))


def test_without_a_digest_nothing_is_downloaded():
    sentence = (
        "extractor inception-2015 has no extractor.weights_sha256 to check its download by; download "
        f"{INCEPTION_ADDRESS} once yourself, run sha256sum on it, and put the result into the settings"
    )
    settings = ExtractorSettings(kind="inception-2015")
    assert missing_weights(settings) == sentence
    with pytest.raises(BadInput, match=re.escape(sentence)):
        weights_file(settings)


def test_a_file_of_the_user_is_taken_where_it_is(tmp_path):
    (tmp_path / "net.onnx").write_bytes(PAYLOAD)
    settings = ExtractorSettings(kind="file", path=tmp_path / "net.onnx", weights_sha256=SHA256)
    assert missing_weights(settings) is None
    assert weights_file(settings) == tmp_path / "net.onnx"


def test_a_missing_file_is_known_before_work_starts(tmp_path):
    settings = ExtractorSettings(kind="file", path=tmp_path / "net.onnx", weights_sha256=SHA256)
    assert (
        missing_weights(settings)
        == f"extractor.path {tmp_path / 'net.onnx'} is no file; give the file with the weights"
    )


def test_a_changed_file_is_known_before_work_starts(tmp_path):
    path = tmp_path / "net.keras"
    path.write_bytes(PAYLOAD)
    settings = ExtractorSettings(kind="file", path=path, weights_sha256="0" * 64)
    assert missing_weights(settings) == (
        f"extractor.path {path} has SHA-256 {SHA256}, extractor.weights_sha256 is {'0' * 64}; give the file that was "
        "meant, or correct the settings"
    )


@pytest.mark.parametrize("kind", ["auto", "random-conv", "keras:MobileNetV2"])
def test_other_extractors_need_no_file(kind):
    settings = ExtractorSettings(kind=kind)
    assert (missing_weights(settings), weights_file(settings)) == (None, None)


def test_a_cache_home_that_is_relative_does_not_count(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "augment-dataset" / "weights"
