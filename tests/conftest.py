"""What tests of several packages need."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import settings

from tests.s3_server import s3_bucket, s3_client, s3_endpoint, s3_environment

__all__ = ["s3_bucket", "s3_client", "s3_endpoint", "s3_environment"]

settings.register_profile("no deadline", deadline=None)  # a busy machine is no fault
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory) -> Path:
    """An interpreter that has our dependencies and nothing of us: `.pth` files of another folder are not followed."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"
