"""Settings: one file, a few overrides, and a whole sentence for everything that can be wrong with them."""

import json
import re

import pytest

from datasets.errors import BadInput
from flows.settings import FLAT_OPTIONS, PATTERNS, Settings, load_settings, overrides_of
from flows.settings_file import settings_text
from tasks.imaging.duplicates import DuplicateSettings
from tasks.parallel import ComputeSettings

LEAST = "dataset: tiny\nsource: {path: images}\n"


def refusal(path, overrides=None):
    """The sentence that a settings file is refused with, its path shortened."""
    with pytest.raises(BadInput) as caught:
        load_settings(path, overrides)
    return str(caught.value).replace(str(path), "FILE")


def names_of(model):
    return ", ".join(sorted(model.model_fields))


def test_what_is_left_out_has_its_default(settings_file):
    settings = load_settings(settings_file(LEAST))
    defaults = Settings(dataset="tiny", source={"path": settings.source.path}).model_dump(
        exclude={"workspace", "published"}
    )
    assert settings.model_dump(exclude={"workspace", "published"}) == defaults


def test_settings_written_down_load_back_equal(settings_file, tmp_path):
    changed = LEAST + "seed: 7\ntrain: {budget_images: 5, budget_minutes: 1.5}\ngenerate: {quotas: {dog: 3}}\n"
    settings = load_settings(settings_file(changed))
    assert load_settings(settings_file(settings_text(settings, "settings.yaml"))) == settings


def test_paths_are_relative_to_the_settings_file(settings_file, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    settings = load_settings(settings_file(LEAST + "workspace: ../elsewhere\n"))
    found = settings.source.path, settings.workspace, settings.published
    assert found == (str(tmp_path / "images"), tmp_path.parent / "elsewhere", tmp_path / "published")


@pytest.mark.parametrize("name", ["exclusions", "overrides"])
def test_a_list_of_images_is_relative_to_the_settings_file(name, settings_file, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    settings = load_settings(settings_file(LEAST + f"curate: {{{name}: lists/out.txt}}\n"))
    assert getattr(settings.curate, name) == tmp_path / "lists" / "out.txt"


def test_absolute_paths_and_the_home_folder_are_taken_as_they_are(settings_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    settings = load_settings(settings_file(f"{LEAST}workspace: ~/work\npublished: {tmp_path}/out\n"))
    assert (settings.workspace, settings.published) == (tmp_path / "home" / "work", tmp_path / "out")


def test_the_place_of_a_run_comes_from_the_settings(settings_file, tmp_path):
    place = load_settings(settings_file(LEAST + "seed: 3\n")).place
    assert (place.dataset, place.seed, place.shared) == ("tiny", 3, tmp_path / "workspace" / "tiny")


@pytest.mark.parametrize(
    ("option", "value"),
    [("dataset", "other"), ("seed", 5), ("workers", 3), ("dask_address", "tcp://host:8786"), ("train_images", 99)],
)
def test_a_flat_option_overrides_its_setting(settings_file, option, value):
    record = load_settings(settings_file(LEAST), overrides_of({option: value})).model_dump()
    for name in FLAT_OPTIONS[option].split("."):
        record = record[name]
    assert record == value


def test_a_flat_option_that_was_not_given_leaves_the_file_its_say(settings_file):
    assert load_settings(settings_file(LEAST + "seed: 5\n"), overrides_of({"seed": None})).seed == 5


def test_options_that_are_no_settings_are_left_out():
    assert overrides_of({"rehash": True, "seed": 1}) == {"seed": 1}


@pytest.mark.parametrize("overrides", [None, {"train.budget_images": 5}])
def test_an_empty_section_has_all_its_defaults(settings_file, overrides):
    settings = load_settings(settings_file(LEAST + "train:\n  # latent_size: 3\n"), overrides)
    assert settings.train.latent_size == type(settings.train)().latent_size


def test_a_missing_file_is_refused(tmp_path):
    expected = "settings file FILE cannot be read (No such file or directory); `augment-dataset init` writes one"
    assert refusal(tmp_path / "none.yaml") == expected


def test_a_folder_instead_of_a_file_is_refused(tmp_path):
    expected = "settings file FILE cannot be read (Is a directory); `augment-dataset init` writes one"
    assert refusal(tmp_path) == expected


def test_bad_yaml_is_refused_with_its_place(settings_file):
    wrong = "line 1, column 15: expected ',' or ']', but got '<stream end>'"
    assert refusal(settings_file("dataset: [tiny")) == f"settings file FILE is not valid YAML: {wrong}"


def test_tabs_are_named_and_no_line_of_the_file_is_repeated(settings_file):
    wrong = "line 2, column 1: found character '\\t' that cannot start any token; indent by spaces, not by tabs"
    text = "source:\n\tpath: s3://me:hush@bucket\n"
    assert refusal(settings_file(text)) == f"settings file FILE is not valid YAML: {wrong}"


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_named(tmp_path, encoding):
    path = tmp_path / "settings.yaml"
    path.write_bytes("dataset: été\n".encode(encoding))
    assert refusal(path) == "settings file FILE is not valid YAML: it is no UTF-8 text; save it as UTF-8"


def test_a_mark_of_utf_8_at_the_beginning_is_no_fault(tmp_path, settings_file):
    path = settings_file("dataset: tiny\nsource: {path: photos}\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_settings(path).dataset == "tiny"


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_bytes(b"\x89PNG\r\n")
    assert refusal(path) == "settings file FILE is not valid YAML: it is no UTF-8 text; save it as UTF-8"


@pytest.mark.parametrize("text", ["", "- dataset\n", "tiny\n"])
def test_a_file_without_settings_is_refused(settings_file, text):
    expected = "settings file FILE holds no settings; `augment-dataset init` writes one to start from"
    assert refusal(settings_file(text)) == expected


def test_an_unknown_setting_is_refused_with_those_allowed(settings_file):
    expected = f"FILE: unknown setting sede; allowed here: {names_of(Settings)}"
    assert refusal(settings_file(LEAST + "sede: 1\n")) == expected


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("split", "balance, folds, source_splits, test, validation"),
        ("curate.similarity", names_of(DuplicateSettings)),
        ("train.extractor", "batch_size, budget_images, feature_size, learning_rate, weight_decay, width"),
    ],
)
def test_an_unknown_setting_of_a_section_is_refused_with_those_of_the_section(settings_file, section, names):
    inner = "{colour: red}"
    for name in reversed(section.split(".")[1:]):
        inner = f"{{{name}: {inner}}}"
    text = f"{LEAST}{section.partition('.')[0]}: {inner}\n"
    assert refusal(settings_file(text)) == f"FILE: unknown setting {section}.colour; allowed here: {names}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed: many\n", "seed is 'many': input should be a valid integer, unable to parse string as an integer"),
        ("seed: -1\n", "seed is -1: input should be greater than or equal to 0"),
        ("scan: {channels: 2}\n", "scan.channels is 2: input should be 1 or 3"),
        ("scan: {encoding: gif}\n", "scan.encoding is 'gif': input should be 'png', 'jpeg' or 'raw'"),
        ("train: {budget_images: 0}\n", "train.budget_images is 0: input should be greater than or equal to 1"),
        ("generate: {quotas: {a: -1}}\n", "generate.quotas.a is -1: input should be greater than or equal to 0"),
        (
            "curate: {classes: [0, yes, 2020-01-01]}\n",
            "curate.classes.0 is 0, not text; put it in quotes; curate.classes.1 is True, not text; put it in quotes; "
            "curate.classes.2 is 2020-01-01, not text; put it in quotes",
        ),
        ("curate: {classes: [[a]]}\n", "curate.classes.0 is ['a']: input should be a valid string"),
        ("augment: {forbidden: {6: [flip]}}\n", "augment.forbidden.6 is 6, not text; put it in quotes"),
        (
            "split: {validation: 0.5, test: 0.5}\n",
            "split: validation 0.5 + test 0.5 leave under a tenth for training; lower them",
        ),
        ("split: 0.2\n", "split is 0.2, not a section; allowed here: balance, folds, source_splits, test, validation"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(settings_file, text, sentence):
    assert refusal(settings_file(LEAST + text)) == f"FILE: {sentence}"


def test_a_section_that_is_none_is_refused_though_an_option_is_in_it(settings_file):
    sentence = refusal(settings_file(LEAST + "compute: 2\n"), {"compute.workers": 1})
    assert sentence == f"FILE: compute is 2, not a section; allowed here: {names_of(ComputeSettings)}"


def test_a_name_that_is_no_name_is_refused(settings_file):
    sentence = refusal(settings_file(LEAST), {"dataset": "My Photos"})
    assert sentence == "FILE: dataset is 'My Photos'; allowed are a-z, 0-9 and _, beginning with a letter"


def test_an_empty_list_of_sources_is_told_in_words(settings_file):
    sentence = refusal(settings_file("dataset: tiny\nsource: {kind: mixed, sources: []}\n"))
    assert sentence == "FILE: source.sources is []; at least 1 has to be in it"


def test_every_pattern_of_a_setting_has_words():
    schema = json.dumps(Settings.model_json_schema())
    found = {json.loads(text) for text in re.findall(r'"pattern": ("(?:[^"\\\\]|\\\\.)*")', schema)}
    assert found == set(PATTERNS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'source: {path: "caf\\udce9"}',
            r"'caf\udce9' is, or lies in, a folder or file whose name is not UTF-8; rename that",
        ),
        (
            "source: {path: i}\nworkspace: ~nosuch/w",
            "~nosuch/w names a user who is not known here; write ./~nosuch/w for what is called so",
        ),
    ],
)
def test_a_path_that_no_record_could_name_is_refused(settings_file, text, said):
    assert refusal(settings_file(f"dataset: tiny\n{text}\n")) == said


@pytest.mark.parametrize("text", ["source: {path: images}\n", "dataset:\nsource: {path: images}\n"])
def test_a_missing_name_is_refused(settings_file, text):
    assert refusal(settings_file(text)) == "FILE: setting dataset is missing; add it"


def test_a_missing_source_is_refused(settings_file):
    assert refusal(settings_file("dataset: tiny\n")) == "FILE: setting source is missing; add it"


def test_all_that_is_wrong_is_said_at_once(settings_file):
    sentence = refusal(settings_file("source: {path: images}\nseed: -1\n"))
    expected = "FILE: setting dataset is missing; add it; seed is -1: input should be greater than or equal to 0"
    assert sentence == expected


def test_settings_do_not_change(settings_file):
    settings = load_settings(settings_file(LEAST))
    with pytest.raises(ValueError, match=re.escape("Instance is frozen")):
        settings.seed = 1


def test_a_key_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("dataset: tiny\nsource: {path: x}\ntrain: {width: 8}\ntrain: {batch_size: 8}\n")
    with pytest.raises(BadInput, match=r"line \d+, column \d+: train stands there twice; keep one"):
        load_settings(path)
