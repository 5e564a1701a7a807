"""What counts as a failing run, and what is done about it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class HealthSettings(BaseModel):
    """Bounds that a run is watched with, and the policy for a collapse."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_collapse: Literal["roll_back", "stop", "continue"] = Field(
        "continue", description="After an alarm: return to a healthy checkpoint, stop (exit code 3), or go on."
    )
    collapse_returns_allowed: int = Field(
        2, description="Returns after an alarm before training stops (roll_back).", ge=0, le=20
    )
    gamma_factor: float = Field(4.0, description="R1 and R2 weigh this much more after each such return.", ge=1, le=100)
    evaluations_in_a_row: int = Field(1, description="Evaluations under a floor that raise the alarm.", ge=1, le=10)
    saturation_ceiling: float = Field(
        0.995, description="Share of real images scored above their synthetic pair that raises the alarm.", gt=0.5, le=1
    )
    loss_limit: float = Field(1e4, description="Losses or mean scores beyond this count as diverged.", gt=0)
