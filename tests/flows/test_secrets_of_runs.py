"""Secrets of every sort go through whole runs, of a worker and of the command, that fail and that end well.

Afterwards they are found nowhere but where a user wrote them.
"""

import base64
import io
import json
import os
import subprocess
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import quote, quote_plus, urlsplit

import httpx
import pyarrow.parquet as pq
import pytest

from tests.flows.prefect_server import working
from tests.s3_proxy import S3Proxy

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

KEY_ID, KEY, NEW_KEY, TOKEN = "AKIAHUSH0001", "hush02/+key=of=S3", "hush13/+new=key", "hush03/+token/of/S3=="
SIGNATURE, URL_TOKEN, REDIRECTED, URL_PASSWORD = "hush04%2Fsignature", "hush05token", "hush06sig", "hush07password"
API_PASSWORD, PROXY_PASSWORD = "hush08api", "hush09proxy"
WRITTEN, ORDERED, TYPED = "hush10settings", "hush11ordered", "hush12typed"
SECRETS = (KEY_ID, KEY, NEW_KEY, TOKEN, SIGNATURE, URL_TOKEN, REDIRECTED, URL_PASSWORD)
SECRETS += (API_PASSWORD, PROXY_PASSWORD, WRITTEN, ORDERED, TYPED)
BUCKET = "hushed"
OF_USERS = ("addresses.csv", "written.yaml")
SETTINGS = """\
dataset: {name}
scan: {{channels: 1, resize: {{width_px: 16, height_px: 16}}}}
augment: {{preset: none}}
compute: {{mode: synchronous}}
published: s3://hushed/sets
source: {source}
"""
BOTH = """
  kind: mixed
  sources:
    - {kind: folder_per_class, path: "s3://hushed/photos", name: store}
    - {kind: url_list, path: addresses.csv, label_column: label, name: web, retries: 0, backoff_s: 0.01,
       allowed_private_networks: [127.0.0.0/8]}
"""
TOLD = ("flow_runs", "task_runs", "logs", "artifacts", "deployments", "automations", "variables", "work_pools")


def forms(secret):
    """The secret as it is, as URLs and JSON write it, and as base64 wherever it begins within three bytes."""
    texts = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    found = {text.encode() for text in texts}
    for before in range(3):
        packed = base64.b64encode(b"x" * before + secret.encode() + b"xxx")
        found.add(packed[4 if before else 0 : len(secret) // 3 * 4])
    return found


FORMS = {secret: forms(secret) for secret in SECRETS}


def opened(content):
    """What bytes hold, those that are packed too: tables as their values, archives as their files."""
    yield content
    if content[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(content))
        yield repr((table.schema.metadata, table.to_pylist())).encode()
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def leaks(named):
    """(place, secret) for every secret in (place, bytes)."""
    found = set()
    for place, content in named:
        for piece in opened(content):
            found |= {(place, secret) for secret, texts in FORMS.items() if any(text in piece for text in texts)}
    return sorted(found)


class WebServer(BaseHTTPRequestHandler):
    """Gives images to whoever has signed; refuses, redirects, and repeats what it was asked."""

    images: ClassVar[dict[str, bytes]] = {}

    def do_GET(self):
        place = urlsplit(self.path)
        if place.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", f"{place.path.removeprefix('/moved')}?sig={REDIRECTED}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif place.path in self.images:
            self._send(200, "image/png", self.images[place.path])
        elif place.path == "/text":
            self._send(200, f"text/{place.query}", b"no image")
        else:
            self._send(403, "text/plain", f"denied: {self.path}".encode())

    def _send(self, status, kind, body):
        self.send_response(status, f"see {self.path}")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        return


@contextmanager
def running(server):
    """The server's port, while it answers."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def denied(proxy):
    """Refuse the first shard, and repeat what it was sent."""
    told = f"The signature does not match: {KEY_ID} {KEY} http://x/?X-Amz-Signature={SIGNATURE}"
    error = f"<Error><Code>SignatureDoesNotMatch</Code><Message>{told}</Message></Error>"
    proxy.before = lambda key: (403, error.encode()) if "tfrecord" in key else None


@pytest.fixture(scope="module")
def store(s3_endpoint, s3_client, blob):
    """A proxy before a store with images in a bucket."""
    s3_client.create_bucket(Bucket=BUCKET)
    for number in range(36):
        key = f"photos/{'abc'[number % 3]}/{number:02}.png"
        s3_client.put_object(Bucket=BUCKET, Key=key, Body=blob(number % 3, number))
    proxy = S3Proxy(s3_endpoint)
    with running(proxy.server):
        yield proxy


@pytest.fixture(scope="module")
def secretive(server_environment, store):
    """An environment with a secret wherever one belongs, or may be."""
    return server_environment | {
        "PREFECT_API_AUTH_STRING": f"me:{API_PASSWORD}",
        "AWS_ENDPOINT_URL": store.endpoint,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "HTTPS_PROXY": f"http://me:{PROXY_PASSWORD}@127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory, blob):
    """Folder with settings and a list of URLs, whose server is up."""
    home = tmp_path_factory.mktemp("secrets")
    WebServer.images = {f"/{number}.png": blob(number % 3, 50 + number) for number in range(6)}
    with running(ThreadingHTTPServer(("127.0.0.1", 0), WebServer)) as port:
        web, signed = f"127.0.0.1:{port}", f"X-Amz-Signature={SIGNATURE}&token={URL_TOKEN}"
        urls = [f"http://{web}/{number}.png?{signed}&n={number}" for number in range(5)]
        urls += [f"http://{web}/{path}?{signed}" for path in ("moved/5.png", "gone.png", "text", "moved/gone.png")]
        urls += [f"http://me:{URL_PASSWORD}@{web}/1.png", f"ftp://me:{URL_PASSWORD}@{web}/1.png?{signed}"]
        urls += [f"http://127.0.0.1:9/1.png?{signed}", f"{web}/1.png?{signed}"]
        urls += [
            f"http://me:{URL_PASSWORD}@ex\u2100mple.org/?{signed}",
            f"http://{web}/1.png?{signed}&width=1#{signed}",
        ]
        (home / "addresses.csv").write_text("url,label\n" + "".join(f"{url},a\n" for url in urls))
        (home / "good.yaml").write_text(SETTINGS.format(name="good", source=BOTH))
        written = SETTINGS.format(name="written", source=f'{{path: "s3://me:{WRITTEN}@hushed/photos"}}')
        (home / "written.yaml").write_text(written)
        yield home


@pytest.fixture(scope="module")
def worked(home, secretive, store, orders):
    """How runs of a worker ended: one whose store takes nothing, and one with a password in its settings."""
    denied(store)
    with working(home, secretive):
        names = ("good", "written")
        runs = [orders.order("prepare-dataset/default", settings_file=str(home / f"{name}.yaml")) for name in names]
        states = [orders.ended(run) for run in runs]
    store.before = lambda key: None
    return dict(zip(names, states, strict=True))


@pytest.fixture(scope="module")
def said(home, command, secretive, worked):
    """Exit code and output of commands, after these runs."""

    def call(*arguments):
        whole = command(*arguments)
        done = subprocess.run(whole, cwd=home, env=secretive, capture_output=True, text=True, timeout=240)
        return done.returncode, done.stdout + done.stderr

    secretive["AWS_SECRET_ACCESS_KEY"] = NEW_KEY
    return {
        "done": call("prepare", "good.yaml"),
        "written": call("prepare", "written.yaml", "--quiet"),
        "typed": call("prepare", "good.yaml", "--json", "--dask-address", f"tcp://me:{TYPED}@127.0.0.1:9"),
    }


def below(folder):
    """(path, content) of every file that a user did not write."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in OF_USERS:
            yield str(path), path.read_bytes()


def of_prefect(api):
    """(kind, content) of all that the server tells."""
    for kind in TOLD:
        asked = {"sort": "TIMESTAMP_DESC"} if kind == "logs" else {}
        yield kind, api.post(f"{kind}/filter", json=asked).raise_for_status().content
    yield "events", api.post("events/filter", json={}).raise_for_status().content


def of_bucket(client):
    """(key, content) of all that was published."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for entry in page["Contents"]:
            yield entry["Key"], client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()


def test_runs_end_as_they_should_with_secrets_where_they_belong(worked, said):
    assert "sets/good/1.0.0" in said["done"][1]
    assert {name: code for name, (code, _) in said.items()} == {"done": 0, "written": 2, "typed": 2}
    assert "access denied" in worked["good"]["message"]
    assert said["done"][1].count(": skipped, ") == 7  # a new key to the store makes nothing run again
    assert "credentials or a query (?) in the URL" in worked["written"]["message"]


def test_no_secret_is_in_anything_that_runs_write_or_say(said, home, api, s3_client, server_home):
    printed = [(name, text.encode()) for name, (_, text) in said.items()]
    files = [*below(home), *below(server_home)]
    kept = {name for place, _ in files for name in place.split("/")}
    assert {"manifest.parquet", "DONE", "listing.sqlite", "outcomes.sqlite", "prefect.db", "worker.log"} <= kept
    found = leaks([*printed, *files, *of_prefect(api), *of_bucket(s3_client)])
    assert found == []


def test_an_order_with_a_password_is_refused_before_it_is_kept(api, deployments):
    for name, parameters in {
        "prepare-dataset/default": {"settings_file": "s.yaml", "dask_address": f"tcp://me:{ORDERED}@host:8786"},
        "check-dataset/default": {"location": f"s3://me:{ORDERED}@bucket", "out": "checked"},
    }.items():
        order = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        answer = api.post(f"deployments/{deployments[name]['id']}/create_flow_run", json=order)
        assert answer.status_code == httpx.codes.CONFLICT
    assert leaks(of_prefect(api)) == []
