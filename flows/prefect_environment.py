"""Environment of Prefect, to be set before it is imported. What the user has set already wins."""

import os

DEFAULTS = {
    # No calls to the outside world.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The default of 20 s is too short for a slow machine's first start.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # Seconds between signs of life; automations.yaml ends runs that miss six of them.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
FOR_TERMINALS = {
    # Our own lines say it better, and errors of users need no traceback.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
}


def set_environment(terminal: bool = False) -> None:
    """Set what is not set yet."""
    for name, value in (DEFAULTS | (FOR_TERMINALS if terminal else {})).items():
        os.environ.setdefault(name, value)
