"""Has a Prefect server send a message when a gate refuses a data set, and when a run fails or dies.

    PREFECT_API_URL=http://127.0.0.1:4200/api python examples/notify.py https://chat.example.org/hooks/abc

The message is JSON with a `text`, as Slack and Mattermost take it. Call it again to change the address.
"""

import sys
from datetime import timedelta

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.automations import put_automations

FLOWS = ["augment-dataset", "prepare-dataset", "synthesize-dataset", "train-gan", "check-dataset"]
ENDINGS = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"}
REFUSAL = "{{ event.payload.name }} is not published. {{ event.payload.message }}. Report: {{ event.payload.report }}"
FAILURE = "{{ flow.name }}: {{ flow_run.name }} is {{ flow_run.state.name }}. {{ flow_run.state.message }}"

block = CustomWebhookNotificationBlock(name="augment-dataset", url=sys.argv[1], json_data={"text": "{{body}}"})
block_id = block.save("augment-dataset-webhook", overwrite=True)


def telling(what: str, trigger: EventTrigger, body: str) -> AutomationCore:
    """An automation that sends the text, filled in with the event that started it."""
    message = SendNotification(block_document_id=block_id, subject=what, body=body)
    return AutomationCore(name=f"augment-dataset tell {what}", trigger=trigger, actions=[message])


refused = EventTrigger(
    expect={"dataset.gate.refused"},
    match={"prefect.resource.id": "dataset.*"},
    posture=Posture.Reactive,
    threshold=1,
    within=timedelta(0),
)
failed = EventTrigger(
    expect=ENDINGS,
    match={"prefect.resource.id": "prefect.flow-run.*"},
    match_related={"prefect.resource.role": "flow", "prefect.resource.name": FLOWS},
    posture=Posture.Reactive,
    threshold=1,
    within=timedelta(0),
)
put_automations([telling("refusals", refused, REFUSAL), telling("failures", failed, FAILURE)])
