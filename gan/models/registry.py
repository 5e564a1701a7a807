"""All families by name. A family is registered by its file in gan/models/families alone."""

from importlib import import_module

from datasets.errors import BadInput
from gan.models import families
from gan.models.family import Family
from gan.models.spec import ModelSpec


def _loaded(name: str) -> Family:
    family = import_module(f"{families.__name__}.{name}").FAMILY
    if family.name != name:
        raise TypeError(f"{families.__name__}.{name} holds a family named {family.name}; name both alike")
    return family


FAMILIES: dict[str, Family] = {name: _loaded(name) for name in families.FAMILY_NAMES}


def family_of(spec: ModelSpec) -> Family:
    """The family that a spec names. Raises BadInput for one that is not there."""
    if spec.family not in FAMILIES:
        raise BadInput(f"the model is of family {spec.family!r}; this code has {', '.join(FAMILIES)}")
    return FAMILIES[spec.family]
