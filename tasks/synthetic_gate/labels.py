"""Whether images show the class that they were made for, as a judge sees it that was fitted on another third."""

from collections.abc import Sequence

import numpy as np

from datasets.gate_file import Metric
from gan.extractors.base import NO_RESIZE, identity_of
from gan.metrics.share_interval import share_interval
from gan.value import Faithfulness, label_faithfulness
from tasks.synthetic_gate.classes import by_class, class_note, judged_classes, no_class
from tasks.synthetic_gate.evidence import Evidence, labelled
from tasks.synthetic_gate.metric_table import measured


def faithfulness_metrics(evidence: Evidence) -> list[Metric]:
    """Share of images seen as their label: overall, and in the class that is furthest below its limit.

    What the judge can tell of each class is measured on all real images that it did not see, training images too:
    the gate half alone has few of each class.
    """
    judge, classes = evidence.judge, evidence.class_count
    gate_images, gate_labels = labelled(evidence.gate)
    images, labels = labelled(evidence.train)
    floor = judge.accuracy(gate_images, gate_labels)
    found = label_faithfulness(judge, *labelled(evidence.synthetic), classes)
    not_its = ~evidence.unseen
    unseen = (np.concatenate([gate_images, images[not_its]]), np.concatenate([gate_labels, labels[not_its]]))
    real = label_faithfulness(judge, *unseen, classes)
    identity = _identity(evidence)
    overall = measured(
        "label_faithfulness",
        found.mean,
        floor=floor,
        interval=share_interval(found.mean, found.n),
        extractor=identity,
        n=found.n,
    )
    ratio = evidence.settings.limit_of("lowest_class_faithfulness").limit or 0.0
    assert evidence.train.class_names is not None
    return [overall, class_faithfulness_metric(found, real, floor, ratio, evidence.train.class_names, identity)]


def class_faithfulness_metric(
    synthetic: Faithfulness, real: Faithfulness, real_accuracy: float, ratio: float, names: Sequence[str], judge: str
) -> Metric:
    """The class whose share seen as asked for is furthest below `ratio` times its floor; `real` is of real images.

    The floor is what the judge reaches on real images: overall, or on the class where that is less, so that a class
    which the judge cannot tell from others on real images does not refuse.
    """
    name = "lowest_class_faithfulness"
    judged = judged_classes(synthetic.n_per_class, real.n_per_class)
    if not judged.any():
        return no_class(name)
    shares, reachable = np.array(synthetic.per_class), np.fmin(real.per_class, real_accuracy)
    lowest = int(np.argmin(np.where(judged, shares - ratio * reachable, np.inf)))
    n = synthetic.n_per_class[lowest]
    return measured(
        name,
        float(shares[lowest]),
        title=f"images of class {names[lowest]} seen as it, the lowest class",
        floor=float(reachable[lowest]),
        interval=share_interval(float(shares[lowest]), n),
        extractor=judge,
        n=n,
        per_class=by_class(shares, judged, names),
        note=class_note(lowest, judged, synthetic.n_per_class, names),
    )


def balance_metrics(evidence: Evidence) -> list[Metric]:
    """How far the shares of classes that the judge sees are from those of the labels."""
    images, labels = labelled(evidence.synthetic)
    seen, asked = _shares(evidence, images, labels)
    real_seen, real_asked = _shares(evidence, *labelled(evidence.gate))
    names = evidence.train.class_names
    assert names is not None
    furthest = int(np.argmax(np.abs(seen - asked)))
    return [
        measured(
            "class_balance",
            float(np.abs(seen - asked).sum() / 2),
            floor=float(np.abs(real_seen - real_asked).sum() / 2),
            extractor=_identity(evidence),
            n=len(images),
            note=f"furthest apart for class {names[furthest]}: {seen[furthest]:.1%} seen, {asked[furthest]:.1%} "
            f"asked for; {int((asked > 0).sum())} of {len(names)} classes were generated",
        )
    ]


def _identity(evidence: Evidence) -> str:
    return identity_of("judge", evidence.judge.weights_sha256, NO_RESIZE)


def _shares(evidence: Evidence, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of each class as the judge sees it, and by label."""
    seen = evidence.judge.probabilities(images).argmax(axis=1)
    return tuple(np.bincount(one, minlength=evidence.class_count) / len(images) for one in (seen, labels))  # type: ignore[return-value]
