from tasks.curate import CurateSettings
from tasks.report.settings_rows import section_models, setting_rows


def by_name(settings):
    return {row.name: row for row in setting_rows(settings)}


def test_a_changed_setting_stands_beside_its_default_and_meaning():
    row = by_name({"curate": {"min_side_px": 9}})["curate.min_side_px"]
    meaning = CurateSettings.model_fields["min_side_px"].description
    assert (row.value, row.default, row.changed, row.description) == ("9", "8", True, meaning)


def test_sections_left_at_their_defaults_have_no_changed_setting():
    models = {name: model for name, model in section_models().items() if name != "source"}
    settings = {name: model().model_dump(mode="json") for name, model in models.items()}
    assert [row.name for row in setting_rows(settings) if row.changed] == []


def test_nested_settings_are_compared_leaf_by_leaf():
    rows = by_name({"scan": {"resize": {"width_px": 32, "height_px": 64}}})
    assert (rows["scan.resize.width_px"].changed, rows["scan.resize.height_px"].changed) == (True, False)


def test_a_number_of_another_type_is_no_change():
    assert not by_name({"shard": {"shard_mib": 128.0}})["shard.shard_mib"].changed


def test_a_setting_without_a_default_is_listed_but_not_as_changed():
    row = by_name({"source": {"path": "/data"}})["source.path"]
    assert (row.value, row.default, row.changed) == ("/data", "", False)


def test_settings_that_no_model_knows_are_still_listed():
    rows = by_name({"seed": 3, "curate": {"from_a_later_version": True}})
    assert (rows["seed"].value, rows["curate.from_a_later_version"].value) == ("3", "true")
