import inspect
import subprocess
import sys

import pytest
import torch
from torch import nn

from optbench import models
from optbench.errors import OptbenchError


def native(name, **options):
    facts = models.info(name)
    channels, size, _ = facts.input_shape
    return models.create(name, in_channels=channels, classes=facts.classes, image_size=size, **options)


def test_the_names_are_found_without_torch():
    code = (
        "import sys; from optbench import models;"
        "print(*[models.info(name).name for name in models.names()]);"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["digits-cnn", "lenet"]


@pytest.mark.parametrize("name", models.names())
def test_the_published_facts_are_those_of_the_built_model(name):
    facts, model = models.info(name), native(name)
    assert sum(p.numel() for p in model.parameters()) == facts.parameters
    assert f"{facts.parameters:,} parameters" in facts.doc
    logits = model(torch.zeros(3, *facts.input_shape))
    assert logits.shape == (3, facts.classes)
    assert model.training
    assert facts.title


@pytest.mark.parametrize("name", models.names())
def test_the_global_seed_decides_the_weights(name):
    def weights(seed):
        torch.manual_seed(seed)
        return nn.utils.parameters_to_vector(native(name).parameters())

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


@pytest.mark.parametrize("name", models.names())
def test_the_initial_weights_lie_within_torch_s_default_bounds(name):
    for layer in native(name):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = layer.weight[0].numel() ** -0.5  # 1 / sqrt(fan in)
            assert 0.5 * bound < layer.weight.abs().max() <= bound
            assert layer.bias.abs().max() <= bound


def test_lenet_by_hand():
    convolutions = (5 * 5 * 1 + 1) * 6 + (5 * 5 * 6 + 1) * 16
    linear = (16 * 5 * 5 + 1) * 120 + (120 + 1) * 84 + (84 + 1) * 10
    assert models.info("lenet").parameters == convolutions + linear == 61_706
    shapes, images = [], torch.zeros(1, 1, 28, 28)
    for layer in native("lenet"):
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


@pytest.mark.parametrize("size", [12, 13, 14, 15, 28, 32])
@pytest.mark.parametrize("name", models.names())
def test_other_sizes_channels_and_classes(name, size):
    model = models.create(name, in_channels=3, classes=7, image_size=size)
    assert model(torch.zeros(2, 3, size, size)).shape == (2, 7)


@pytest.mark.parametrize(("name", "size"), [("lenet", 11), ("digits-cnn", 1)])
def test_images_that_are_too_small_are_an_error(name, size):
    with pytest.raises(OptbenchError, match=f"model '{name}' needs images of .* not {size}x{size}"):
        models.create(name, in_channels=1, classes=10, image_size=size)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(OptbenchError, match="unknown model 'lenet5'; did you mean 'lenet'"):
        models.info("lenet5")
    with pytest.raises(OptbenchError, match="unknown model 'zzz'; known models: digits-cnn, lenet"):
        models.create("zzz", in_channels=1, classes=10, image_size=28)


def test_an_unknown_option_is_an_error():
    with pytest.raises(OptbenchError, match="model 'lenet' has no option 'depth'; it has no options"):
        native("lenet", depth=3)
    assert models.options("lenet") == {}


def test_options_are_the_keywords_of_build(monkeypatch):
    module = inspect.getmodule(models._entries.module("lenet").build)

    def build(in_channels, classes, image_size, *, width=1, depth=2):
        return nn.Linear(width, depth)

    monkeypatch.setattr(module, "build", build)
    assert models.options("lenet") == {"width": 1, "depth": 2}
    assert native("lenet", width=5).weight.shape == (2, 5)
    with pytest.raises(OptbenchError, match="no option 'widht'; did you mean 'width'"):
        native("lenet", widht=5)
