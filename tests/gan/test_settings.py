import subprocess
import sys

import pytest
from pydantic import BaseModel

from gan.settings import ClassifierSettings, TrainingSettings


@pytest.mark.parametrize("model", [TrainingSettings, ClassifierSettings])
def test_every_setting_has_a_short_description(model: type[BaseModel]) -> None:
    wrong = {
        name: field.description
        for name, field in model.model_fields.items()
        if not field.description or len(field.description) > 90
    }
    assert wrong == {}


@pytest.mark.parametrize("module", ["settings", "metrics.frechet", "metrics.manifold", "metrics.memorisation"])
def test_importing_it_does_not_import_tensorflow(module: str) -> None:
    code = f"import sys, gan.{module}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
