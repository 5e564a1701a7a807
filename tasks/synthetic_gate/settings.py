"""Settings of the synthetic gate."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gan.extractors.settings import EMBEDDED, FILE, ExtractorSettings
from gan.settings import ClassifierSettings
from tasks.synthetic_gate.limits import Limit
from tasks.synthetic_gate.metric_table import IN_UNITS_OF_EXTRACTOR, METRICS, ONLY_REPORTED, WITHOUT_FLOOR, check_names
from tasks.synthetic_gate.value_settings import ValueSettings


class SyntheticGateSettings(BaseModel):
    """Limits for synthetic data, and what measures it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limits: dict[str, Limit] = Field(
        default_factory=dict, description="per metric what shall differ from its default limit; see docs/gates.md"
    )
    regression_margin: float = Field(
        0.25, ge=0, description="worse than the last version by more than this share of the limit: a regression"
    )
    min_gate_images: int = Field(30, ge=8, description="fewer images in the gate half: not measured, which refuses")
    value: ValueSettings = Field(
        default_factory=ValueSettings, description="classifiers trained to see what synthetic images are worth"
    )
    extractor: ExtractorSettings = Field(
        default_factory=ExtractorSettings, description="the network in whose features images are compared"
    )
    classifier: ClassifierSettings = Field(
        default_factory=ClassifierSettings, description="network of the extractor, the judge of labels and of value"
    )

    @field_validator("limits", mode="before")
    @classmethod
    def _over_defaults(cls, value: Any) -> Any:
        """What a mapping does not say of a metric stays as in the table."""
        if not isinstance(value, Mapping):
            return value
        check_names(value)
        return {name: _merged(name, given) for name, given in value.items()}

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        for name, limit in self.limits.items():
            fault = _fault(name, limit) or _extractor_fault(name, limit, self.extractor)
            if fault:
                raise ValueError(f"limits.{name} {fault}")
        return self

    def limit_of(self, name: str) -> Limit:
        """The limit of a metric: the user's, or the table's."""
        return self.limits.get(name, METRICS[name].limit)


def _merged(name: str, given: Any) -> Any:
    if isinstance(given, Limit) or not isinstance(given, Mapping):
        return given
    given = {"on" if key is True else key: value for key, value in given.items()}  # YAML reads a bare `on` as true
    default = METRICS[name].limit.model_dump()
    if given.get("of", default["of"]) != default["of"] and "limit" not in given:
        raise ValueError(f"{name}.of is {given['of']} instead of {default['of']}; give its limit too")
    return {**default, **given}


def _fault(name: str, limit: Limit) -> str | None:
    kind = METRICS[name]
    if limit.limit is None and limit.severity != "report":
        return f"has severity {limit.severity} and no limit; give a limit, or severity report"
    if name in ONLY_REPORTED and limit.severity != "report":
        return f"has severity {limit.severity}, and it is measured on test images too, which never decide; use report"
    if limit.on == "interval" and not kind.has_interval:
        return "is to be judged on an interval, and this metric has none; set on to estimate"
    if limit.of != "absolute" and name in WITHOUT_FLOOR:
        return f"is of {limit.of}, and there is no real against real to compare this metric with; set of to absolute"
    if limit.extractor and not kind.by_features:
        return f"is for the extractor {limit.extractor}, and this metric uses no extractor; leave it out"
    return None


def _extractor_fault(name: str, limit: Limit, extractor: ExtractorSettings) -> str | None:
    """A number from one extractor is never compared with a limit for another."""
    kind = extractor.kind
    if limit.extractor is None:
        if name not in IN_UNITS_OF_EXTRACTOR or limit.limit is None or limit.of != "absolute":
            return None
        likely = "classifier" if kind == "auto" else kind
        return (
            "is absolute, and such a number belongs to one extractor; name it, e.g. with "
            f"extractor: {likely}, or set of to floor_ratio"
        )
    wanted, *words = limit.extractor.split()
    if wanted not in (EMBEDDED if kind == "auto" else (kind,)):
        return f"is for the extractor {limit.extractor}, and extractor.kind is {kind}; change one of them"
    rules = {"none"} if extractor.is_embedded else {extractor.resize, *(("none",) if kind == FILE else ())}
    if any(word.startswith("resize:") and word.removeprefix("resize:") not in rules for word in words):
        rule = " or ".join(sorted(rules))
        return f"is for the extractor {limit.extractor}, and it resizes by {rule}; change one of them"
    return None
