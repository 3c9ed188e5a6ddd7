import subprocess
import sys

import pytest
import torch
from torch import nn

from optbench import models
from optbench.errors import OptbenchError
from optbench.models import _base

NAMES = [
    *("alexnet", "densenet-121", "digits-cnn", "googlenet", "inception-v3", "lenet"),
    *("resnet-101", "resnet-18", "resnet-20", "resnet-34", "resnet-50v2"),
    *("vgg-11", "vgg-11-plain", "vgg-16", "vit"),
    *("awd-lstm", "lstm", "lstm-2048", "transformer-xl"),
    *("gnmt-16", "gnmt-8"),
    *("transformer", "transformer-base", "transformer-big", "transformer-iwslt", "transformer-small"),
]


def test_the_names_are_found_without_torch():
    code = (
        "import sys; from optbench import models;"
        "print(*[models.info(name).name for name in models.names()]);"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(NAMES) == models.names()
    assert models.names("vgg-*") == ["vgg-11", "vgg-11-plain", "vgg-16"]


@pytest.mark.parametrize("name", models.names())
def test_the_facts_are_complete(name):
    facts = models.info(name)
    assert facts.name == name
    assert facts.title
    assert facts.paper or name == "digits-cnn"
    if facts.kind != "translation":  # of those the sizes are options; their counts are tested by formula
        assert f"{facts.parameters:,} parameters" in " ".join(facts.doc.split())
    for word in ("Source", "nitialisation"):
        assert word in facts.doc
    if facts.kind != "images":
        assert facts.vocabulary > 0
        return
    assert "input" in facts.doc
    assert "logits" in facts.doc
    assert facts.image_size == facts.input_shape[1] == facts.input_shape[2] >= facts.smallest


@pytest.mark.parametrize(
    ("name", "size", "takes"),
    [
        ("lenet", 11, "12x12 or more"),
        ("digits-cnn", 1, "2x2 or more"),
        ("vgg-16", 28, "32x32 or more"),
        ("resnet-50v2", 31, "32x32 or more"),
        ("inception-v3", 8, "9x9 or more"),
        ("vit", 0, "4x4 or more, in steps of 4"),
        ("vit", 30, "4x4 or more, in steps of 4"),
    ],
)
def test_images_of_a_wrong_size_are_an_error_that_names_the_sizes(name, size, takes):
    with pytest.raises(
        OptbenchError, match=f"^model '{name}' needs images of {takes}, not {size}x{size}; it was made for"
    ):
        models.create(name, in_channels=1, classes=10, image_size=size)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(OptbenchError, match="unknown model 'resnet34'; did you mean 'resnet-34'"):
        models.info("resnet34")
    with pytest.raises(OptbenchError, match="unknown model 'zzz'; known models: alexnet, awd-lstm, densenet-121, "):
        models.create("zzz", in_channels=1, classes=10, image_size=28)


def test_an_unknown_option_is_an_error():
    with pytest.raises(OptbenchError, match="model 'lenet' has no option 'depth'; it has no options"):
        models.create("lenet", in_channels=1, classes=10, image_size=28, depth=3)
    assert models.options("lenet") == {}


@pytest.fixture
def registry(monkeypatch):
    models.names()
    monkeypatch.setattr(_base, "_registered", {})
    monkeypatch.setattr(models, "_models", _base.registered)


FACTS = {"paper": "", "parameters": 3, "input_shape": (1, 1, 1), "classes": 1, "smallest": 1}


@pytest.mark.usefixtures("registry")
def test_options_are_the_keywords_of_the_function_that_is_registered():
    @_base.register("mine", "a model", **FACTS)
    def build(in_channels, classes, image_size, *, width=1, depth=2):
        return nn.Linear(width, depth)

    assert models.options("mine") == {"width": 1, "depth": 2}
    assert models.create("mine", in_channels=1, classes=1, image_size=1, width=5).weight.shape == (2, 5)
    with pytest.raises(OptbenchError, match="no option 'widht'; did you mean 'width'"):
        models.create("mine", in_channels=1, classes=1, image_size=1, widht=5)


@pytest.mark.usefixtures("registry")
def test_two_models_of_one_name_are_an_error():
    _base.register("mine", "a model", **FACTS)(nn.Linear)
    with pytest.raises(
        OptbenchError, match="'mine' is defined by torch.nn.modules.linear and by torch.nn.modules.conv"
    ):
        _base.register("mine", "another", **FACTS)(nn.Conv2d)


def test_lenet_by_hand():
    convolutions = (5 * 5 * 1 + 1) * 6 + (5 * 5 * 6 + 1) * 16
    linear = (16 * 5 * 5 + 1) * 120 + (120 + 1) * 84 + (84 + 1) * 10
    assert models.info("lenet").parameters == convolutions + linear == 61_706
    shapes, images = [], torch.zeros(1, 1, 28, 28)
    for layer in models.create("lenet", in_channels=1, classes=10, image_size=28):
        images = layer(images)
        shapes.append((type(layer).__name__, *images.shape[1:]))
    assert shapes == [
        ("Conv2d", 6, 28, 28),
        ("ReLU", 6, 28, 28),
        ("MaxPool2d", 6, 14, 14),
        ("Conv2d", 16, 10, 10),
        ("ReLU", 16, 10, 10),
        ("MaxPool2d", 16, 5, 5),
        ("Flatten", 400),
        ("Linear", 120),
        ("ReLU", 120),
        ("Linear", 84),
        ("ReLU", 84),
        ("Linear", 10),
    ]
