"""What synthetic images are worth to somebody who trains a classifier on them."""

from gan.value.accuracy import LabelledImages, ValueScore, classification_accuracy, score
from gan.value.faithfulness import Faithfulness, label_faithfulness

__all__ = [
    "Faithfulness",
    "LabelledImages",
    "ValueScore",
    "classification_accuracy",
    "label_faithfulness",
    "score",
]
