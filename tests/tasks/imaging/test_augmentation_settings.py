"""Settings of augmentation: what a preset is, what is refused and with which sentence."""

import re

import pytest
import yaml

from datasets.errors import BadInput
from flows.settings import Settings, validate
from flows.settings_file import settings_text
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.augmentation.augmenters import KINDS, Rotate
from tasks.imaging.augmentation.presets import PRESETS

FLIPS = {"flip_horizontal", "flip_vertical"}


def settings(**augment) -> Settings:
    return validate({"dataset": "d", "source": {"path": "p"}, "augment": augment}, "s.yaml")


def kinds(preset: str) -> set[str]:
    return {augmenter.kind for augmenter in PRESETS[preset]}


def test_a_preset_and_the_same_list_written_out_are_the_same() -> None:
    listed = [augmenter.model_dump(mode="json") for augmenter in PRESETS["heavy"]]
    assert settings(augmenters=listed).augment.listed == settings(preset="heavy").augment.listed


@pytest.mark.parametrize("preset", ["digits", "documents", "xray"])
def test_safe_presets_never_flip(preset: str) -> None:
    assert not kinds(preset) & FLIPS


def test_xrays_and_documents_keep_their_shapes() -> None:
    assert not (kinds("xray") | kinds("documents")) & {"elastic", "hue_saturation"}


def test_without_settings_the_preset_is_light() -> None:
    assert settings().augment.listed == PRESETS["light"]


@pytest.mark.parametrize("augment", [{"preset": "none"}, {"augmenters": []}, {"variants_per_image": 0}])
def test_there_are_three_ways_to_have_no_copies(augment: dict) -> None:
    assert settings(**augment).augment.copies_per_image == 0


def test_each_kind_has_defaults_that_pass_its_own_limits() -> None:
    for kind, model in KINDS.items():
        defaults = model().model_dump()
        assert model.model_validate(defaults) == model(), kind


def test_each_setting_says_what_it_is() -> None:
    for kind, model in KINDS.items():
        described = {name: field.description for name, field in model.model_fields.items() if name != "kind"}
        assert all(described.values()), kind
        assert all(len(text) <= 90 for text in described.values() if text), kind


@pytest.mark.parametrize(
    ("augment", "sentence"),
    [
        (
            {"augmenters": [{"kind": "rotate", "degrees": [10, -10]}]},
            "augment.augmenters.0.degrees: [10, -10] has its ends the wrong way round; write [-10, 10]",
        ),
        (
            {"augmenters": [{"kind": "crop", "share": [0, 0.6]}]},
            "augment.augmenters.0.share: [0, 0.6] reaches too far; allowed is 0 to 0.45",
        ),
        (
            {"augmenters": [{"kind": "rotate", "degrees": 15}]},
            "augment.augmenters.0.degrees: 15 is no range; write two numbers, [low, high]",
        ),
        (
            {"augmenters": [{"kind": "blur", "sigma_px": [0, float("nan")]}]},
            "augment.augmenters.0.sigma_px: [0, nan] is no range; write two numbers, [low, high]",
        ),
        (
            {"augmenters": [{"kind": "rotate", "probability": 0}]},
            "augment.augmenters.0.probability is 0: input should be greater than 0",
        ),
        (
            {"augmenters": [{"kind": "spin"}]},
            f"augment.augmenters.0.kind is 'spin'; allowed are {', '.join(KINDS)}",
        ),
        (
            {"augmenters": [{"kind": "rotate", "angle": [0, 1]}]},
            "unknown setting augment.augmenters.0.angle; allowed here: degrees, fill, kind, probability",
        ),
        (
            {"preset": "light", "augmenters": [{"kind": "rotate"}]},
            "augment: got both preset light and augmenters; keep one, a preset is a list of augmenters too",
        ),
        ({"preset": None}, "augment: got neither preset nor augmenters; write preset: none for no copies"),
        (
            {"forbidden": {"6": ["rotate", "spin"]}},
            f"augment.forbidden: class 6 forbids 'spin'; kinds are {', '.join(KINDS)}",
        ),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(augment: dict, sentence: str) -> None:
    with pytest.raises(BadInput, match=f"^{re.escape('s.yaml: ' + sentence)}$"):
        settings(**augment)


@pytest.mark.parametrize(
    "augment",
    [
        {},
        {"augmenters": [{"kind": "rotate", "degrees": [-3, 3]}, {"kind": "cutout"}]},
        {"forbidden": {"6": ["rotate"], "nine: 9": ["flip_vertical", "shear"]}},
    ],
)
def test_a_settings_file_holds_them_and_reads_back_the_same(augment: dict) -> None:
    written = settings_text(settings(**augment), "s.yaml")
    assert validate(yaml.safe_load(written), "s.yaml").augment == settings(**augment).augment


def test_what_is_forbidden_to_a_class_is_left_out_for_it_alone() -> None:
    chosen = AugmentationSettings(preset="digits", forbidden={"6": ("rotate", "shear")})
    assert chosen.applied_to(1, "6") == tuple(
        step for step in PRESETS["digits"] if step.kind not in ("rotate", "shear")
    )
    assert chosen.applied_to(1, "9") == PRESETS["digits"]


def test_grey_images_are_spared_what_needs_colour() -> None:
    chosen = AugmentationSettings(preset="photographs")
    assert chosen.unfit_for(1) == ["hue_saturation"]
    assert "hue_saturation" not in {step.kind for step in chosen.applied_to(1)}
    assert (chosen.unfit_for(3), chosen.applied_to(3)) == ([], PRESETS["photographs"])


def test_settings_can_be_keys() -> None:
    assert len({Rotate(), Rotate(degrees=(-10, 10)), Rotate(degrees=(-9, 10))}) == 2
