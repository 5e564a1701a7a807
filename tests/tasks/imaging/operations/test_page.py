"""docs/pixel-operations.md: its settings are read, its Python runs, and it names every operation with its settings."""

import contextlib
import io
import re
from pathlib import Path

import yaml

from flows.settings import validate
from tasks.imaging.operations.registry import KINDS
from tasks.imaging.operations.resize import ResizeSettings

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "pixel-operations.md").read_text(encoding="utf-8")
PICTURE_LIMIT_BYTES = 150_000


def block(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return text


def test_its_settings_are_valid() -> None:
    scan = validate(yaml.safe_load(block("yaml")), "page").scan
    assert [operation.kind for operation in scan.before_resize] == ["denoise", "colour_constancy"]
    assert [operation.kind for operation in scan.after_resize] == ["sharpen"]


def test_its_python_runs() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block("python"), "page", "exec"), {})
    assert printed.getvalue().splitlines()[0] == "noise 15"
    assert printed.getvalue().splitlines()[1].startswith("(64, 64, 3) noise ")


def test_every_operation_and_each_of_its_settings_is_named() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for kind, entry in KINDS.items():
        text = " ".join(row for row in rows if row.startswith(f"| `{kind}`"))
        missing = {name for name in entry.settings.model_fields if f"`{name}`" not in text} - {"kind", "method"}
        assert missing == set(), kind


def test_every_setting_of_resize_is_named() -> None:
    missing = {name for name in ResizeSettings.model_fields if not re.search(rf"`{name}\b|{name}:", PAGE)}
    assert missing == set()


def test_its_picture_is_small() -> None:
    (name,) = re.findall(r"\]\((images/.*?)\)", PAGE)
    picture = Path(__file__).resolve().parents[4] / "docs" / name
    assert 10_000 < picture.stat().st_size < PICTURE_LIMIT_BYTES
