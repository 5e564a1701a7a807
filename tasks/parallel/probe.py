"""What a worker of another machine is asked before it gets work. Sent as text, so it uses the standard library only.

It writes nothing.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import platform


def problem(facts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """How this process differs from the one that gives out the work, as the end of a sentence; None if it fits."""
    version = ".".join(platform.python_version_tuple()[:2])
    if version != facts["python"]:
        return f"runs Python {version}, here it is {facts['python']}; start workers from the same environment"
    for name, wanted in facts["libraries"].items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "no version"
        if found != wanted:
            return f"has {found} of {name}, here it is {wanted}; start workers from the same environment"
    spec = importlib.util.find_spec("tasks.parallel") if importlib.util.find_spec("tasks") else None
    if spec is None or not spec.origin:
        return "cannot import this project's code; start workers where it is installed (`pip install -e .`)"
    root = os.path.dirname(os.path.dirname(os.path.dirname(spec.origin)))  # noqa: PTH120
    if code_sha256(root, facts["packages"]) != facts["code"]:
        return "has other code of this project than there is here; bring both to the same commit"
    for path, entries in facts["paths"].items():
        if not os.path.exists(path) or some_entries(path, entries) != entries:  # noqa: PTH110
            return f"does not see {path} as it is here; it has to be in a folder that all machines share"
    return None


def code_sha256(root, packages):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Digest of the Python files of some packages."""
    digest = hashlib.sha256()
    for package in packages:
        for folder, folders, files in os.walk(os.path.join(root, package)):  # noqa: PTH118
            folders.sort()
            for name in sorted(files):
                if name.endswith(".py"):
                    path = os.path.join(folder, name)  # noqa: PTH118
                    with open(path, "rb") as file:  # noqa: PTH123
                        digest.update(os.path.relpath(path, root).encode() + b"\0" + file.read() + b"\0")
    return digest.hexdigest()


def some_entries(path, wanted=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """A few names in a folder, or of those wanted the ones it has; for a file, its size. Two machines' must agree."""
    if not os.path.isdir(path):  # noqa: PTH112
        return [os.path.getsize(path)] if os.path.exists(path) else []  # noqa: PTH110, PTH202
    if wanted is not None:
        return [name for name in wanted if os.path.lexists(os.path.join(path, name))]  # noqa: PTH118
    with os.scandir(path) as entries:
        return [entry.name for entry, _ in zip(entries, range(5))]  # noqa: B905
