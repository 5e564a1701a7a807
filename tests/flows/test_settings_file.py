"""The settings file that `init` writes: complete, commented, and the same settings when it is read again."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flows.settings import Settings, load_settings, validate
from flows.settings_file import settings_text
from gan.settings import TrainingSettings

FOLDER = Path("/images")


def example(**changes):
    record = {"dataset": "tiny", "workspace": "/workspace", "published": "/published", "source": {"path": FOLDER}}
    return validate(record | changes, "example")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seed": 7, "scan": {"channels": 1, "limits": {"max_pixels": 5}}, "augment": {"preset": "none"}},
        {"scan": {"before_resize": [{"kind": "denoise"}, {"kind": "gamma"}], "after_resize": [{"kind": "sharpen"}]}},
        {"train": {"budget_minutes": 0.5, "learning_rate_start": 1e-05, "extractor": {"width": 8}}},
        {"generate": {"quotas": {"Ankle boot": 3, "null": 0}}, "publish": {"homepage": "https://example.org/?a=b#c"}},
    ],
    ids=["defaults", "prepare", "operations", "train", "generate"],
)
def test_the_text_loads_back_to_equal_settings(tmp_path, changes):
    path = tmp_path / "settings.yaml"
    path.write_text(settings_text(example(**changes), "settings.yaml"), encoding="utf-8")
    assert load_settings(path) == example(**changes)


@given(st.text(max_size=40))
def test_any_text_loads_back_as_it_was(text):
    settings = example(publish={"description": text})
    assert validate(yaml.safe_load(settings_text(settings, "settings.yaml")), "text") == settings


@pytest.mark.parametrize("name", ["No", "null", "1e3", "2026-01-01", "a: b", "# a", "~", "été", "a\nb", "\udcff"])
def test_any_folder_loads_back_as_it_was(name):
    settings = example(source={"path": Path(name)})
    assert validate(yaml.safe_load(settings_text(settings, "settings.yaml")), "text") == settings


def test_no_setting_is_left_out():
    text = re.sub(r"^( +)# (?=\w+:| +\w+:)", r"\1", settings_text(example(), "settings.yaml"), flags=re.MULTILINE)
    assert yaml.safe_load(text) == example().model_dump(mode="json")


def test_what_a_preset_decides_is_shown_but_not_set(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text(settings_text(example(train={"gamma_start": 2.0}), "settings.yaml"), encoding="utf-8")
    assert "  # budget_images: 100000" in path.read_text(encoding="utf-8")
    assert load_settings(path).train.model_fields_set & TrainingSettings.BY_PRESET == {"gamma_start"}


def test_every_setting_has_a_comment():
    lines = [line for line in settings_text(example(), "settings.yaml").splitlines() if not line.startswith("#")]
    bare = [line for line in lines if line and not re.fullmatch(r" *(# *)?\w+:.*  # \S.{9,}", line)]
    assert bare == []


def test_the_text_says_how_to_run_it():
    assert "# Preview: augment-dataset run photos.yaml --dry-run\n" in settings_text(example(), "photos.yaml")


def test_required_settings_are_the_ones_that_the_text_names():
    required = {name for name, field in Settings.model_fields.items() if field.is_required()}
    assert required == {"dataset", "source"}
    assert "can be left out, except dataset and source.path" in settings_text(example(), "settings.yaml")
