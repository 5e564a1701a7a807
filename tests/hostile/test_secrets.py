"""A secret is planted wherever a user may put one: it is refused unsaid, or appears in nothing that is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.image_codec import encode_image

SECRET = "hush4711"
ROOT = Path(__file__).parents[2]
PLANTED = {
    "source.path": f"source: {{path: 's3://me:{SECRET}@bucket/photos'}}",
    "a query of source.path": f"source: {{path: 's3://bucket/photos?signature={SECRET}'}}",
    "source.storage_options": f"source: {{path: 's3://bucket/photos', storage_options: {{secret: {SECRET}}}}}",
    "a URL in storage_options": (
        f"source: {{path: 's3://bucket/photos', storage_options: {{endpoint_url: 'http://me:{SECRET}@host'}}}}"
    ),
    "published": f"published: 's3://me:{SECRET}@bucket/versions'",
    "publish.storage_options": f"publish: {{storage_options: {{token: {SECRET}}}}}",
    "compute.dask_address": f"compute: {{dask_address: 'tcp://me:{SECRET}@host:8786'}}",
    "a user of compute.dask_address": f"compute: {{dask_address: 'tcp://{SECRET}@host:8786'}}",
    "compute.exchange": f"compute: {{dask_address: 'tcp://host:8786', exchange: 's3://me:{SECRET}@bucket/x'}}",
    "extractor.address": (
        f"synthetic_gate: {{extractor: {{kind: inception-2015, address: 'https://me:{SECRET}@host/weights.tgz'}}}}"
    ),
    "a query of extractor.address": (
        f"synthetic_gate: {{extractor: {{kind: inception-2015, address: 'https://host/weights?token={SECRET}'}}}}"
    ),
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": f"key{SECRET}",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "PREFECT_API_KEY": SECRET,
    "PREFECT_API_URL": f"http://me:{SECRET}@127.0.0.1:9/api",
    "PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://me:{SECRET}@127.0.0.1:9/prefect",
    "HTTPS_PROXY": f"http://me:{SECRET}@127.0.0.1:9",
}


def run(folder, *arguments, **environment):
    command = [sys.executable, "-m", "flows", *arguments]
    paths = {"PYTHONPATH": str(ROOT), "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=os.environ | paths | environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def settings_file(folder, planted):
    text = "dataset: photos\n" + (planted if planted.startswith("source:") else f"source: {{path: photos}}\n{planted}")
    (folder / "s.yaml").write_text(text)
    return folder / "s.yaml"


@pytest.mark.parametrize("place", PLANTED)
def test_a_secret_in_the_settings_is_refused_and_not_repeated(place, tmp_path):
    from datasets.errors import BadInput
    from flows.settings import load_settings

    with pytest.raises(BadInput) as caught:
        load_settings(settings_file(tmp_path, PLANTED[place]))
    assert SECRET not in str(caught.value)


def test_secrets_of_the_environment_are_in_nothing_that_a_check_writes_or_says(tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        (tmp_path / "photos" / f"{number}.png").write_bytes(encode_image(pixels, "png"))
    code, said = run(tmp_path, "check", "photos", "--out", "found", "--workers", "1", **ENVIRONMENT)
    assert code == 0, said
    assert SECRET not in said
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"manifest.parquet", "report.html"} <= {path.name for path in written}
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []


def test_a_server_that_does_not_answer_is_named_without_its_password():
    from datasets.errors import BadInput
    from flows.server_setup import check_answer

    with pytest.raises(BadInput, match=re.escape("at http://...@127.0.0.1:9/api, which")) as caught:
        check_answer(ENVIRONMENT["PREFECT_API_URL"])
    assert SECRET not in str(caught.value)


def test_the_addresses_of_a_server_that_answers_are_told_without_its_password(capsys):
    from flows.serve import _tell

    _tell(ENVIRONMENT["PREFECT_API_URL"])
    told = capsys.readouterr().out
    assert "pages:  http://...@127.0.0.1:9\nAPI:    http://...@127.0.0.1:9/api\n" in told
    assert SECRET not in told
