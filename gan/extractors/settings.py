"""Which extractor measures. Imports no TensorFlow, so that a command line can read it quickly."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gan.extractors.applications import APPLICATIONS

INCEPTION = "inception-2015"
INCEPTION_ADDRESS = "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
KERAS_PREFIX = "keras:"
FILE = "file"
EMBEDDED = ("auto", "classifier", "self-supervised", "random-conv")
KINDS = (*EMBEDDED, INCEPTION, f"{KERAS_PREFIX}<name>", FILE)
FILE_SUFFIXES = (".keras", ".onnx")

ResizeRule = Literal["clean", "legacy"]
ValueRange = Literal["bytes", "unit", "symmetric", "imagenet"]


class ExtractorSettings(BaseModel):
    """The network in whose features images are compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field("auto", description="The network: auto, or one of those that docs/extractors.md describes.")
    path: Path | None = Field(None, description="File of weights, or the .keras or .onnx file itself; null = download.")
    weights_sha256: str | None = Field(
        None, description="SHA-256 of that file, or of what is downloaded (sha256sum FILE)."
    )
    address: str = Field(INCEPTION_ADDRESS, description="Where inception-2015 is downloaded from.")
    resize: ResizeRule = Field(
        "clean", description="clean = Pillow's bicubic, not rounded; legacy = TensorFlow 1's bilinear."
    )
    value_range: ValueRange = Field(
        "symmetric",
        description="What a file expects: bytes = 0..255, unit = 0..1, symmetric = -1..1, imagenet.",
    )
    layer: str | None = Field(
        None, description="A file's layer (.keras) or output (.onnx) with the features; null = last."
    )
    batch_images: int = Field(32, description="Images that a downloaded network or a file sees at once.", ge=1, le=4096)

    @property
    def application(self) -> str | None:
        """`InceptionV3` where the kind is `keras:InceptionV3`."""
        return self.kind.removeprefix(KERAS_PREFIX) if self.kind.startswith(KERAS_PREFIX) else None

    @property
    def is_embedded(self) -> bool:
        """Whether it is made from the data alone."""
        return self.kind in EMBEDDED

    @field_validator("kind")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        name = kind.removeprefix(KERAS_PREFIX)
        if name != kind and name not in APPLICATIONS:
            raise ValueError(f"got {kind}; networks of keras are {', '.join(APPLICATIONS)}")
        if name == kind and kind not in KINDS:
            raise ValueError(f"got {kind!r}; extractors are {', '.join(KINDS)}")
        return kind

    @field_validator("weights_sha256")
    @classmethod
    def _is_sha256(cls, text: str | None) -> str | None:
        if text is None:
            return None
        lowered = text.lower()
        if len(lowered) != 64 or set(lowered) - set("0123456789abcdef"):
            raise ValueError(f"got {text!r}; a SHA-256 has 64 hexadecimal digits; `sha256sum FILE` gives it")
        return lowered

    @field_validator("address")
    @classmethod
    def _is_web_address(cls, address: str) -> str:
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"got {address!r}; an address begins with http:// or https://; a file goes into path")
        if "@" in address.split("/")[2] or "?" in address:
            raise ValueError(
                "got an address with a user name or a query (?), which may be a credential, and settings are written "
                "down; download the file and set path"
            )
        return address

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.is_embedded and (self.path or self.weights_sha256):
            raise ValueError(f"{self.kind} is made from the data; leave out path and weights_sha256, or set kind")
        if self.kind == FILE and self.path is None:
            raise ValueError(f"kind file needs path, the {' or '.join(FILE_SUFFIXES)} file")
        if self.kind == FILE and self.path is not None and self.path.suffix.lower() not in FILE_SUFFIXES:
            raise ValueError(f"got path {self.path}; kind file reads {' and '.join(FILE_SUFFIXES)} files")
        if self.path is not None and self.weights_sha256 is None:
            raise ValueError(f"path needs weights_sha256, so that numbers stay comparable; run `sha256sum {self.path}`")
        if self.application and self.weights_sha256 and self.path is None:
            raise ValueError(f"{self.kind} without path downloads and checks by itself; leave out weights_sha256")
        return self
