"""How images are split: shares of train, validation and test, or folds; and what sources say."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from datasets.splits import MAX_FOLDS, TEST, TRAIN, VALIDATION, fold_names, in_order
from tasks.splitting.balance import BalanceSettings

LEAST_TRAINING_SHARE = 0.1


class SplitSettings(BaseModel):
    """Shares of the splits. The training split, or the folds together, get the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation: float = Field(0.15, gt=0, lt=1, description="share of validation images; folds have none")
    test: float = Field(0.15, ge=0, lt=1, description="share of test images; 0 with folds only")
    folds: int = Field(
        0, ge=0, le=MAX_FOLDS, description="2 to 20: so many folds instead of train and validation; 0 = none"
    )
    source_splits: Literal["keep", "ignore"] = Field(
        "keep", description="splits that the source comes with: keep them, or ignore them and split anew"
    )
    balance: BalanceSettings = Field(
        default_factory=BalanceSettings, description="how many training images a class may have"
    )

    @model_validator(mode="after")
    def _agree_with_one_another(self) -> "SplitSettings":
        if self.folds == 1:
            raise ValueError("folds 1 leaves nothing to train on; give 2 to 20, or 0 for train and validation")
        if self.folds:
            self._check_folds()
        elif not self.test:
            raise ValueError("test 0 is for folds only; give a share above 0, or set folds")
        elif self.validation + self.test >= 1 - LEAST_TRAINING_SHARE:
            raise ValueError(
                f"validation {self.validation:g} + test {self.test:g} leave under a tenth for training; lower them"
            )
        return self

    def _check_folds(self) -> None:
        if self.test >= 1 - LEAST_TRAINING_SHARE:
            raise ValueError(f"test {self.test:g} leaves under a tenth for the folds; lower it")
        if self.balance.policy != "none":
            raise ValueError(
                f"balance.policy {self.balance.policy} leaves out training images, and every fold is also validated "
                "on; set it to none, and weigh the classes while training"
            )

    @property
    def shares(self) -> dict[str, float]:
        """Share by split, in the order in which splits win over one another; they sum to 1."""
        if self.folds:
            return {TEST: self.test} | dict.fromkeys(fold_names(self.folds), (1 - self.test) / self.folds)
        return {TEST: self.test, VALIDATION: self.validation, TRAIN: 1 - self.validation - self.test}

    @property
    def needed(self) -> tuple[str, ...]:
        """The splits that need an image, in the order in which they are named to people."""
        return tuple(in_order(name for name, share in self.shares.items() if share))

    @property
    def needed_text(self) -> str:
        """The same as a phrase."""
        if self.folds:
            return f"{self.folds} folds" + (" and test" if self.test else "")
        return "train, validation and test"
