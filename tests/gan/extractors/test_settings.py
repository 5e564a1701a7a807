import re

import pytest
from pydantic import ValidationError

from gan.extractors.settings import ExtractorSettings

SHA256 = "0f" * 32


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"kind": "inception"},
            "got 'inception'; extractors are auto, classifier, self-supervised, random-conv, inception-2015, "
            "keras:<name>, file",
        ),
        ({"kind": "keras:<name>"}, "got keras:<name>; networks of keras are ConvNeXtBase, ConvNeXtLarge"),
        ({"kind": "keras:Inception"}, "got keras:Inception; networks of keras are ConvNeXtBase, ConvNeXtLarge"),
        (
            {"kind": "classifier", "weights_sha256": SHA256},
            "classifier is made from the data; leave out path and weights_sha256, or set kind",
        ),
        (
            {"path": "inception.pb", "weights_sha256": SHA256},
            "auto is made from the data; leave out path and weights_sha256, or set kind",
        ),
        ({"kind": "file"}, "kind file needs path, the .keras or .onnx file"),
        (
            {"kind": "file", "path": "net.pt", "weights_sha256": SHA256},
            "got path net.pt; kind file reads .keras and .onnx files",
        ),
        (
            {"kind": "inception-2015", "path": "a.pb"},
            "path needs weights_sha256, so that numbers stay comparable; run `sha256sum a.pb`",
        ),
        (
            {"kind": "keras:InceptionV3", "weights_sha256": SHA256},
            "keras:InceptionV3 without path downloads and checks by itself; leave out weights_sha256",
        ),
        (
            {"kind": "inception-2015", "weights_sha256": "6726825d"},
            "got '6726825d'; a SHA-256 has 64 hexadecimal digits; `sha256sum FILE` gives it",
        ),
        (
            {"kind": "inception-2015", "address": "file:///etc/passwd"},
            "got 'file:///etc/passwd'; an address begins with http:// or https://; a file goes into path",
        ),
    ],
)
def test_what_cannot_work_is_refused_when_settings_are_read(values, sentence):
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        ExtractorSettings(**values)


def test_a_digest_may_be_in_capitals():
    assert ExtractorSettings(kind="inception-2015", weights_sha256=SHA256.upper()).weights_sha256 == SHA256


@pytest.mark.parametrize(
    ("kind", "application", "embedded"),
    [("auto", None, True), ("inception-2015", None, False), ("keras:MobileNetV2", "MobileNetV2", False)],
)
def test_what_a_kind_means(kind, application, embedded):
    settings = ExtractorSettings(kind=kind)
    assert (settings.application, settings.is_embedded) == (application, embedded)


def test_inception_is_downloaded_from_where_it_is_published():
    assert ExtractorSettings().address == (
        "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
    )
