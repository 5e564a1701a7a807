"""Keeps pandas out of our own processes, which use none of it.

Arrow imports pandas at the first list that it makes an array of, to ask whether the list is a pandas Series. That takes
as long as all else that a stage imports.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


def keep_pandas_out() -> None:
    """Have Arrow, where it is imported, find that there is no pandas. Whoever imports pandas afterwards gets it.

    To be called before threads start that may import, and before Arrow has made anything.
    """
    pa = sys.modules.get("pyarrow")
    if pa is None:
        return
    sys.meta_path.insert(0, _NO_PANDAS)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(_NO_PANDAS)


class _NoPandas:
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not for this process", name=name)
        return None


_NO_PANDAS = _NoPandas()
