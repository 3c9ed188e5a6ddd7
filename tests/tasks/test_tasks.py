import subprocess
import sys

import pytest

from optbench import datasets, tasks
from optbench.errors import OptbenchError


def test_the_names_are_found_without_torch():
    code = (
        "import sys; from optbench import tasks;"
        "print(*[tasks.info(name).name for name in tasks.names()]);"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["classification", "language_modeling", "translation"]


@pytest.mark.parametrize("name", tasks.names())
def test_the_primary_metric_is_one_of_the_metrics(name):
    facts = tasks.info(name)
    assert facts.primary in [metric.name for metric in facts.metrics]
    assert {metric.direction for metric in facts.metrics} <= {"higher", "lower"}


def test_classification_s_metrics():
    assert [(m.name, m.unit, m.direction) for m in tasks.info("classification").metrics] == [
        ("accuracy", "percent", "higher"),
        ("cross_entropy", "nats", "lower"),
    ]


def test_unknown_names_get_the_nearest():
    with pytest.raises(OptbenchError, match="unknown task 'clasification'; did you mean 'classification'"):
        tasks.info("clasification")
    digits = datasets.load("digits")
    for kind, given, hint in (
        ("protocol", "papers", "did you mean 'paper'"),
        ("augmentation", "crop-flop", "did you mean 'crop-flip'"),
        ("normalisation", "mean-image-std", "known normalisations: train"),
    ):
        with pytest.raises(OptbenchError, match=f"unknown {kind} '{given}'; {hint}"):
            tasks.create("classification", digits, **{kind: given})
    for smoothing in (-0.1, 1.0, float("nan")):
        with pytest.raises(OptbenchError, match=f"label smoothing {smoothing}; it must be at least 0 and below 1"):
            tasks.create("classification", digits, label_smoothing=smoothing)


def test_top_5_accuracy_belongs_to_the_data_whose_papers_report_it():
    for data, names in (
        (None, ["accuracy", "cross_entropy"]),
        ("fashion-mnist", ["accuracy", "cross_entropy"]),
        ("cifar10", ["accuracy", "cross_entropy", "accuracy_top5"]),
        ("cifar100", ["accuracy", "cross_entropy", "accuracy_top5"]),
        ("imagenet", ["accuracy", "cross_entropy", "accuracy_top5"]),
    ):
        assert [metric.name for metric in tasks.info("classification", data).metrics] == names
    with pytest.raises(OptbenchError, match="unknown dataset 'cifar'"):
        tasks.info("classification", "cifar")
