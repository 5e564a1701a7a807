"""A Prefect flow that somebody who uses the data sets might have; consumer.yaml starts it when a version appears."""

import subprocess
import sys

from prefect import flow


@flow(log_prints=True)
def measure_new_version(real: str, synthetic: str) -> None:
    """What the synthetic images are worth; its log has the table."""
    command = [sys.executable, "examples/downstream_classifier.py", real, synthetic]
    print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == "__main__":
    measure_new_version(*sys.argv[1:])
