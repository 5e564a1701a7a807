"""The families of networks: one file each, with a `FAMILY`. A file in this folder is registered by being here.

This package imports none of them, so that settings know their names without Keras; gan.models.registry imports them.
"""

from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal, TypeAlias

FAMILY_NAMES = tuple(sorted(module.name for module in iter_modules(__path__)))

if TYPE_CHECKING:
    FamilyName: TypeAlias = str
else:
    FamilyName = Literal[FAMILY_NAMES]
