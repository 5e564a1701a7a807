"""All settings of a run in one frozen model, read from one YAML file and overridden by a few flat parameters."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from datasets.errors import BadInput, brief
from datasets.sources.registry import ALL_KINDS, KINDS, MixedSettings, SourceSettings
from datasets.sources.settings import URL_MARK, absolute_path
from flows import partitions
from gan.settings import TrainingSettings
from tasks.bounded_yaml import UNREADABLE, BoundedReferences, why_unreadable
from tasks.curate import CurateSettings
from tasks.gate_data import DataGateSettings
from tasks.generate import GenerateSettings
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.augmentation.augmenters import KINDS as AUGMENTER_KINDS
from tasks.imaging.operations.registry import KINDS as OPERATION_KINDS
from tasks.parallel import ComputeSettings
from tasks.publish import PublishSettings
from tasks.publishing.mirror import readable_folder
from tasks.publishing.remote_target import checked_place
from tasks.publishing.target import is_remote
from tasks.scan import ScanSettings
from tasks.shard import ShardSettings
from tasks.splitting.settings import SplitSettings
from tasks.stage import Place
from tasks.synthetic_gate.settings import SyntheticGateSettings

SECTION_SEPARATOR = "."
NAME_LENGTH = 60
MOST_FAULTS = 10
FLAT_OPTIONS = {  # parameter of a flow or command -> the setting that it overrides
    "dataset": "dataset",
    "partition": "partition",
    "seed": "seed",
    "workers": "compute.workers",
    "dask_address": "compute.dask_address",
    "train_images": "train.budget_images",
}


SOURCE_TAGS: dict[str, Any] = {  # what pydantic calls the kinds of sources in the place of a fault
    **{("folder" if "folder" in name else name): kind.settings for name, kind in KINDS.items()},
    "mixed": MixedSettings,
    "one": None,
}

KEY_TAG = "[key]"  # what pydantic puts behind a key that is at fault itself

LISTED_MODELS: dict[str, dict[str, Any]] = {  # section -> kinds of what is listed in it, told apart by `kind`
    "scan": {name: kind.settings for name, kind in OPERATION_KINDS.items()},
    "augment": dict(AUGMENTER_KINDS),
}

PATTERNS = {  # of settings -> what they allow, in words
    r"^[a-z][a-z0-9_]*$": "a-z, 0-9 and _, beginning with a letter",
    r"^[a-z0-9][a-z0-9_]*$": "a-z, 0-9 and _, not beginning with _",
    r"^[A-Za-z]\w*(/[\w.-]+)?(:[0-9]+\.[0-9]+\.[0-9]+)?$": "names such as mnist, name/config and name/config:1.0.0",
    r"^[!-~]([ -~]*[!-~])?$": "ASCII characters, without spaces around them",
    partitions.PATTERN: "letters, digits, -, _ and single . between them",
}


class Settings(BaseModel):
    """One section per stage. Paths are relative to the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$", max_length=NAME_LENGTH, description="name of the data set: a-z, 0-9 and _"
    )
    partition: str | None = Field(
        None, pattern=partitions.PATTERN, description="what {partition} in source stands for; given by --partition"
    )
    workspace: Path = Field(Path("workspace"), description="where stages keep their outputs")
    published: Path | str = Field(
        Path("published"), description="where finished versions go: a folder, or a URL such as s3://bucket/prefix"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="every random choice follows from it")

    source: SourceSettings = Field(description="where the images come from")
    scan: ScanSettings = Field(default_factory=ScanSettings, description="how images are decoded and prepared")
    curate: CurateSettings = Field(default_factory=CurateSettings, description="which images are fit for use")
    split: SplitSettings = Field(default_factory=SplitSettings, description="train, validation and test")
    augment: AugmentationSettings = Field(
        default_factory=AugmentationSettings, description="varied copies of training images"
    )
    shard: ShardSettings = Field(default_factory=ShardSettings, description="the published files")
    data_gate: DataGateSettings = Field(default_factory=DataGateSettings, description="limits for prepared data")
    train: TrainingSettings = Field(default_factory=TrainingSettings, description="training of the generator")
    generate: GenerateSettings = Field(default_factory=GenerateSettings, description="how many synthetic images")
    synthetic_gate: SyntheticGateSettings = Field(
        default_factory=SyntheticGateSettings, description="limits for synthetic data"
    )
    publish: PublishSettings = Field(default_factory=PublishSettings, description="what a version says of itself")
    compute: ComputeSettings = Field(
        default_factory=ComputeSettings, description="how work is spread; changes no result"
    )

    @field_validator("published")
    @classmethod
    def _folder_or_url(cls, place: Path | str) -> Path | str:
        if not is_remote(place):
            return Path(place)
        try:
            url = checked_place(str(place))
        except BadInput as error:
            raise ValueError(str(error)) from None
        protocol, _, path = url.partition(URL_MARK)
        return Path(path) if protocol in ("file", "local") else url

    @property
    def place(self) -> Place:
        """Where this data set's runs work and publish."""
        shared = self.workspace / self.dataset
        return Place(
            dataset=self.dataset,
            seed=self.seed,
            workspace=self.workspace,
            published=readable_folder(shared, self.published),
            compute=self.compute,
            remote=str(self.published) if is_remote(self.published) else None,
        )


class _UniqueKeys(BoundedReferences, yaml.SafeLoader):
    """YAML in which a key that stands twice is an error: otherwise the first would be lost silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                again = node.value[place][0].start_mark
                raise yaml.MarkedYAMLError(problem=f"{key} stands there twice; keep one", problem_mark=again)
        return super().construct_mapping(node, deep)


def load_settings(path: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read a YAML file; `overrides` are dotted names, e.g. {"train.budget_images": 1000}, None values ignored.

    With `partition` among them, those of that partition (flows/partitions.py).
    Raises BadInput with one sentence for a missing file, bad YAML, unknown keys and wrong values.
    """
    record = read_yaml(path)
    for name, value in (overrides or {}).items():
        if value is not None:
            _set(record, name.split(SECTION_SEPARATOR), value)
    return absolute(validate(partitions.filled(record, str(path)), str(path)), absolute_path(Path.cwd(), path).parent)


def read_yaml(path: Path) -> dict[str, Any]:
    """The sections of a settings file, without empty ones, for which all defaults hold. Raises BadInput."""
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        record = yaml.load(text, _UniqueKeys)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise BadInput(
            f"settings file {path} cannot be read ({error.strerror}); `augment-dataset init` writes one"
        ) from None
    except UNREADABLE as error:
        advice = f"; put quotes around what holds {partitions.MARK}" if partitions.MARK in text else ""
        raise BadInput(f"settings file {path} is not valid YAML: {why_unreadable(error)}{advice}") from None
    if not isinstance(record, dict):
        raise BadInput(f"settings file {path} holds no settings; `augment-dataset init` writes one to start from")
    return {name: value for name, value in record.items() if value is not None}


def overrides_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Flat options by the dotted names of the settings that they override; others are left out."""
    return {FLAT_OPTIONS[name]: value for name, value in options.items() if name in FLAT_OPTIONS}


def validate(record: Mapping[str, Any], where: str) -> Settings:
    """Settings from plain values. Raises BadInput: where, what was got, what is allowed."""
    try:
        return Settings.model_validate(record)
    except ValidationError as error:
        faults = error.errors()
        inner = {fault["loc"][:depth] for fault in faults for depth in range(len(fault["loc"]))}
        told = [_sentence(fault) for fault in faults if fault["loc"] not in inner]  # a list is not short on top of it
        more = f"; and {len(told) - MOST_FAULTS} more" if len(told) > MOST_FAULTS else ""
        raise BadInput(f"{where}: {'; '.join(told[:MOST_FAULTS])}{more}") from None


def absolute(settings: Settings, base: Path) -> Settings:
    """The same settings with paths resolved against a folder. Raises BadInput for what can be no path."""
    try:
        return _absolute(settings, base)
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(f"the settings hold a path that no file can have ({brief(error)}); correct it") from None


def _absolute(settings: Settings, base: Path) -> Settings:
    source = settings.source.resolved(base)
    places = {"workspace": settings.workspace, "published": settings.published}
    resolved = {name: place if is_remote(place) else absolute_path(base, place) for name, place in places.items()}
    lists = {"exclusions": settings.curate.exclusions, "overrides": settings.curate.overrides}
    given = {name: absolute_path(base, path) for name, path in lists.items() if path is not None}
    curate = settings.curate.model_copy(update=given)
    gate = with_weights_below(settings.synthetic_gate, base)
    return settings.model_copy(update={**resolved, "source": source, "curate": curate, "synthetic_gate": gate})


def with_weights_below(gate: SyntheticGateSettings, base: Path) -> SyntheticGateSettings:
    """The same settings of the synthetic gate with the extractor's path resolved against a folder."""
    if gate.extractor.path is None:
        return gate
    extractor = gate.extractor.model_copy(update={"path": absolute_path(base, gate.extractor.path)})
    return gate.model_copy(update={"extractor": extractor})


def _set(record: Any, names: list[str], value: Any) -> None:
    for name in names[:-1]:
        record = record.setdefault(name, {})
        if not isinstance(record, dict):
            return  # no section, as validation will say
    record[names[-1]] = value


def _sentence(fault: Mapping[str, Any]) -> str:
    names = _without_tags(fault["loc"])
    location = brief(SECTION_SEPARATOR.join(map(str, names))) or "settings"
    if fault["type"] == "union_tag_invalid":
        kinds = LISTED_MODELS.get(fault["loc"][0], ALL_KINDS)
        return f"{location}.kind is {_shown(fault['ctx']['tag'])}; allowed are {', '.join(kinds)}"
    if fault["type"] == "union_tag_not_found" and isinstance(fault["input"], Mapping):
        return f"setting {location}.kind is missing; allowed are {', '.join(LISTED_MODELS[fault['loc'][0]])}"
    if fault["type"] == "extra_forbidden":
        return f"unknown setting {location}; {_allowed(fault['loc'])}"
    if fault["type"] == "missing":
        return f"setting {location} is missing; add it"
    if fault["type"] in ("model_type", "model_attributes_type", "union_tag_not_found"):
        return f"{location} is {_shown(fault['input'])}, not a section; {_allowed((*fault['loc'], ''))}"
    if fault["type"] == "tuple_type":
        return f"{location} is {_shown(fault['input'])}, not a list; write [...] around it"
    if fault["type"] == "string_type" and isinstance(fault["input"], int | float | date):
        return f"{location} is {brief(fault['input'])}, not text; put it in quotes"
    if fault["type"] == "string_pattern_mismatch":
        return f"{location} is {_shown(fault['input'])}; allowed are {PATTERNS[fault['ctx']['pattern']]}"
    if fault["type"] == "too_short":
        return f"{location} is {_shown(fault['input'])}; at least {fault['ctx']['min_length']} has to be in it"
    if fault["type"] == "value_error":
        return f"{location}: {brief(str(fault['msg']).removeprefix('Value error, '))}"
    return f"{location} is {_shown(fault['input'])}: {str(fault['msg'])[0].lower()}{str(fault['msg'])[1:]}"


def _shown(value: Any) -> str:
    return brief(repr(value))


def _inside(model: Any, name: str) -> Any:
    """The model of what stands at a name: a field's, or that of a mapping's values."""
    if get_origin(model) is dict:
        return get_args(model)[1]
    return model.model_fields[name].annotation if name in getattr(model, "model_fields", {}) else model


def _without_tags(location: tuple[Any, ...]) -> list[Any]:
    """Names and places in lists, without what tells the kinds of sources apart, or a key from its value."""
    return [name for index, name in enumerate(location) if name != KEY_TAG and not _is_tag(location[:index], name)]


def _is_tag(before: tuple[Any, ...], name: Any) -> bool:
    if _is_listed_kind(before, name):
        return True
    if not before or before[0] != "source" or name not in SOURCE_TAGS:
        return False
    return before[-1] == "source" or before[-1] in SOURCE_TAGS or isinstance(before[-1], int)


def _is_listed_kind(before: tuple[Any, ...], name: Any) -> bool:
    """Whether a name tells the kind of an entry in a list of pixel operations or of augmenters."""
    return len(before) > 1 and isinstance(before[-1], int) and name in LISTED_MODELS.get(before[0], {})


def _allowed(location: tuple[Any, ...]) -> str:
    model: Any = Settings
    kinds = LISTED_MODELS.get(location[0])
    if kinds and len(location) > 3 and isinstance(location[2], int):
        if location[3] not in kinds:
            return f"allowed is a section with a kind: {', '.join(kinds)}"
        location, model = location[4:], kinds[location[3]]
    for name in location[:-1]:
        if name in SOURCE_TAGS:
            model = SOURCE_TAGS[name] or model
        elif not isinstance(name, int):
            model = _inside(model, name)
    return f"allowed here: {', '.join(sorted(model.model_fields))}"
