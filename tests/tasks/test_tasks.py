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
    assert done.stdout.split() == ["classification"]


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
    with pytest.raises(OptbenchError, match="unknown protocol 'papers'; did you mean 'paper'"):
        tasks.create("classification", datasets.load("digits"), protocol="papers")
