"""Write the table of the synthetic gate's metrics into a page, between its two marks.

python docs/make_gate_tables.py docs/gates.md
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs.page_parts import PagePart  # noqa: E402, the path has to be set first
from tasks.synthetic_gate.metric_table import METRICS, MetricKind  # noqa: E402

TABLE = PagePart("table of metrics", "docs/make_gate_tables.py")


def metrics_table() -> str:
    """Every metric with how it is measured and its default limit, as Markdown."""
    rows = [f"| `{name}` | {kind.how} | {limit_text(kind)} |" for name, kind in METRICS.items()]
    return "\n".join(["| metric | how it is measured | default limit |", "|---|---|---|", *rows])


def limit_text(kind: MetricKind) -> str:
    """E.g. `≤ 2 × real against real, blocks`."""
    limit = kind.limit
    if limit.limit is None:
        return "reported"
    sign, change = ("≤", "+") if kind.direction == "max" else ("≥", "−")
    bound = {
        "absolute": f"{limit.limit:g}",
        "floor_ratio": f"{limit.limit:g} × real against real",
        "floor_excess": f"real against real {change} {limit.limit:g}",
    }[limit.of]
    where = " (end of the interval)" if limit.on == "interval" else ""
    return f"{sign} {bound}{where}, {'blocks' if limit.severity == 'block' else 'warns'}"


def main() -> None:
    """Replace the table in the page that is named."""
    TABLE.replace_in(Path(sys.argv[1]), metrics_table())


if __name__ == "__main__":
    main()
