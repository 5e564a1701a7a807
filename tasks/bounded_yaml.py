"""YAML that a few lines cannot make huge: what `*name` repeats is counted, and nothing may hold itself."""

from typing import Any

import yaml

from datasets.errors import brief

MOST_REPEATED = 10_000
UNREADABLE = (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError)
"""What loading raises. Impossible dates, numbers and tags are errors of Python, not of YAML, to the library."""


class BoundedReferences:
    """To be put before a loader. Raises MarkedYAMLError where references repeat more than MOST_REPEATED values."""

    def __init__(self, text: str) -> None:
        super().__init__(text)  # type: ignore[call-arg]
        self._sizes: dict[int, int] = {}
        self._repeated = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node, after its size with all that it repeats is known."""
        is_reference = self.check_event(yaml.AliasEvent)  # type: ignore[attr-defined]
        node = super().compose_node(parent, index)  # type: ignore[misc]
        if not is_reference:
            self._sizes[id(node)] = 1 + sum(self._sizes.get(id(inner), 1) for inner in _inner(node))
            return node
        self._repeated += self._sizes.get(id(node), MOST_REPEATED + 1)  # one that is not finished holds itself
        if self._repeated > MOST_REPEATED:
            raise yaml.MarkedYAMLError(
                problem=f"references (*) repeat more than {MOST_REPEATED} values, or one holds itself",
                problem_mark=node.start_mark,
            )
        return node


class _Texts(BoundedReferences, yaml.BaseLoader):
    """Makes no numbers and no dates."""


def load_texts(text: str) -> Any:
    """Texts, and lists and mappings of them. Raises what UNREADABLE names."""
    return yaml.load(text, _Texts)  # noqa: S506, it makes texts only


def why_unreadable(error: Exception) -> str:
    """What is wrong, and where, within a sentence; never a line of the file, which may hold anything."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text; save it as UTF-8"
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return brief(error)
    advice = "; indent by spaces, not by tabs" if "'\\t'" in problem else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: {brief(problem)}{advice}"


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [inner for pair in node.value for inner in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
