"""What changed between two fingerprints, said in words."""

from collections.abc import Mapping
from typing import Any

READ_FILES = {"exclusions": "list of exclusions", "overrides": "file of overrides"}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What changed between two fingerprints, as clauses, e.g. `settings changed: min_side_px 32 → 64`."""
    changes = []
    changed_settings = changed_leaves(old.get("settings", {}), new.get("settings", {}))
    if changed_settings:
        changes.append("settings changed: " + ", ".join(changed_settings))
    if old.get("seed") != new.get("seed"):
        changes.append(f"seed changed: {old.get('seed')} → {new.get('seed')}")
    before, now = old.get("inputs", {}), new.get("inputs", {})
    changes += [
        f"output of {name} changed" for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)
    ]
    changes += _changed_reads(old.get("reads"), new.get("reads"))
    if old.get("code") != new.get("code"):
        changes.append("code changed")
    changes += [f"library changed: {leaf}" for leaf in changed_leaves(old["libraries"], new["libraries"])]
    return changes or ["its output is gone"]


def _changed_reads(old: Any, new: Any) -> list[str]:
    """What changed of that which a stage reads besides its inputs."""
    if old == new:
        return []
    if not all(isinstance(parts, dict) and parts.keys() & READ_FILES.keys() for parts in (old, new)):
        return ["source changed"]
    return [f"{what} changed" for name, what in READ_FILES.items() if old.get(name) != new.get(name)]


def changed_leaves(old: Any, new: Any, path: str = "") -> list[str]:
    """What differs between two values of JSON, by dotted names, e.g. `resize.width_px 32 → 64`."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = sorted(old.keys() | new.keys())
        nested = (changed_leaves(old.get(n), new.get(n), f"{path}.{n}" if path else n) for n in names)
        return [leaf for leaves in nested for leaf in leaves]
    return [] if old == new else [f"{path} {old} → {new}"]
