"""The Python of docs/metrics.md, run as it stands, and the modules that it names."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_python_of_the_page_runs(tmp_path: Path) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    distance, recall, again, refused = run.stdout.splitlines()
    assert 0.0 < float(distance) <= 1.0 and 0.0 < float(recall) <= 1.0
    assert (again, refused.startswith("reference.npz: statistics of features of 'classifier sha256:")) == ("True", True)


def test_every_module_of_metrics_is_on_the_page() -> None:
    modules = {path.stem for path in (ROOT / "gan" / "metrics").glob("*.py")}
    helpers = {"__init__", "excess", "feature_checks", "neighbours", "share_interval", "statistics_file"}
    named = set(re.findall(r"`(\w+)`\)", PAGE))
    assert modules - helpers - named == {"non_inferiority"} & modules
