"""What a Prefect server is to do by itself: `automations.yaml`, given to it as often as one likes."""

from collections.abc import Iterable
from pathlib import Path

import yaml
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.digests import ROOT

AUTOMATIONS_FILE = ROOT / "automations.yaml"


def ensure_automations(api_url: str, file: Path = AUTOMATIONS_FILE) -> list[str]:
    """Give the automations of a file to a server. Their names."""
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["automations"]
    wanted = [AutomationCore.model_validate(entry) for entry in entries]
    with temporary_settings({PREFECT_API_URL: api_url}):
        put_automations(wanted)
    return [automation.name for automation in wanted]


def put_automations(wanted: Iterable[AutomationCore]) -> None:
    """Create automations at the server of the settings, or bring those of the same names up to date."""
    with get_client(sync_client=True) as client:
        for automation in wanted:
            there = client.read_automations_by_name(automation.name)
            for found in there:
                client.update_automation(found.id, automation)
            if not there:
                client.create_automation(automation)
