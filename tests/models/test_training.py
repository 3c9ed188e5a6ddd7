"""Every model on small images: forward and backward, both modes, precisions, layouts, seeds, checkpoints."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from optbench import models

# Quicker than the native size, and nothing is left out.
SIZES = dict.fromkeys(["densenet-121", "googlenet", "inception-v3", "resnet-20", "resnet-34", "resnet-101", "vit"], 16)
SIZES |= {"resnet-18": 32, "resnet-50v2": 32}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=[name for name in models.names() if models.info(name).kind == "images"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    """Return one model of seed 0, in eval mode, for tests that leave it as it is."""
    return build(name, seed=0).eval()


@pytest.fixture(scope="module")
def images(name):
    size = SIZES.get(name, models.info(name).image_size)
    return torch.randn(2, models.info(name).input_shape[0], size, size, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def expected(model, images):
    """Return the logits that the model gives the images."""
    with torch.no_grad():
        return model(images)


LABELS = torch.arange(2)


def build(name, seed):
    facts = models.info(name)
    torch.manual_seed(seed)
    size = SIZES.get(name, facts.image_size)
    return models.create(name, in_channels=facts.input_shape[0], classes=facts.classes, image_size=size)


def test_a_step_of_training_reaches_every_parameter_and_is_the_same_every_time(model, images):
    trained = copy.deepcopy(model).train()

    def step():
        torch.manual_seed(2)  # dropout
        loss = cross_entropy(trained(images), LABELS)
        return loss, torch.autograd.grad(loss, list(trained.parameters()))

    loss, gradients = step()
    assert loss.isfinite()
    for (key, _), gradient in zip(trained.named_parameters(), gradients, strict=True):
        assert gradient.isfinite().all(), key
    counted = [b.item() for key, b in trained.named_buffers() if key.endswith("num_batches_tracked")]
    assert counted == [1] * len(layers(model, nn.BatchNorm2d))

    again, same = step()
    assert torch.equal(loss, again)
    assert all(torch.equal(a, b) for a, b in zip(gradients, same, strict=True))


def test_scoring_does_not_change_the_model_and_takes_each_image_alone(name, model, images, expected):
    before = {key: value.clone() for key, value in model.named_buffers()}
    with torch.no_grad():
        alone = torch.cat([model(images[:1]), model(images[1:])])
    assert expected.shape == (2, models.info(name).classes)
    torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(before[key], value) for key, value in model.named_buffers())


def test_channels_last_and_bf16_give_the_same_logits_and_train(model, images, expected):
    last = copy.deepcopy(model).to(memory_format=torch.channels_last)
    images = images.to(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(last(images), expected, rtol=1e-4, atol=1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            low = last(images)
    assert low.dtype is torch.bfloat16
    assert (low - expected).abs().max() < 0.1 * expected.std() + 0.02

    with torch.autocast("cpu", torch.bfloat16):
        logits = last.train()(images)
    for gradient in torch.autograd.grad(cross_entropy(logits.float(), LABELS), list(last.parameters())):
        assert gradient.dtype is torch.float32
        assert gradient.isfinite().all()


def test_the_seed_decides_the_weights_and_a_checkpoint_carries_them(name, model, images, expected):
    twin, state = build(name, seed=0), model.state_dict()
    assert twin.training
    assert all(torch.equal(state[key], value) for key, value in twin.state_dict().items())
    for value in twin.state_dict().values():
        value.fill_(2)
    twin.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(twin.eval()(images), expected)


def test_another_seed_gives_other_weights():
    one, other = (nn.utils.parameters_to_vector(build("resnet-20", seed).parameters()) for seed in (0, 1))
    assert (one == other).float().mean() < 0.01  # batch norm starts at 1 and 0


def layers(model, kind):
    return [(key, layer) for key, layer in model.named_modules() if isinstance(layer, kind)]


def check_default(key, layer):
    """torch's default: uniform within 1 / sqrt(fan in)."""
    bound = layer.weight[0].numel() ** -0.5
    assert 0.5 * bound < layer.weight.abs().max() <= bound, key
    assert layer.bias is None or layer.bias.abs().max() <= bound, key


def check_he(key, layer):
    """Normal over the channels out for convolutions, torch's default for linear layers."""
    if isinstance(layer, nn.Linear):
        return check_default(key, layer)
    height, width = layer.kernel_size
    return check_normal(key, layer, (2 / (height * width * layer.out_channels)) ** 0.5)


def check_truncated(key, layer):
    """Normal over the channels in, cut off at two standard deviations, which takes 12 % off the deviation."""
    std = layer.weight[0].numel() ** -0.5
    check_normal(key, layer, std)
    assert 1.8 / 0.8796 * std < layer.weight.abs().max() <= 2 / 0.8796 * std, key


def check_normal(key, layer, std):
    error = (2 * layer.weight.numel()) ** -0.5  # of an estimated standard deviation, relative
    assert layer.weight.std().item() == pytest.approx(std, rel=4 * error), key
    assert layer.bias is None or not layer.bias.any(), key


CHECKS = {"resnet-20": check_he, "resnet-18": check_he, "vgg-11-plain": check_he, "resnet-50v2": check_truncated}


def test_the_initial_weights_are_those_of_the_docstring(name, model):
    for key, layer in layers(model, nn.Conv2d | nn.Linear):
        CHECKS.get(name, check_default)(key, layer)
    for key, norm in layers(model, nn.BatchNorm2d | nn.LayerNorm):
        assert (norm.weight == 1).all(), key
        assert not norm.bias.any(), key


DROPOUT = {"alexnet": [0.5] * 2, "vgg-11-plain": [0.5] * 2, "inception-v3": [0.5], "vit": [0.1] * (1 + 6 * 3)}


def test_dropout_and_the_momentum_of_batch_norm(name, model):
    assert [layer.p for _, layer in layers(model, nn.Dropout)] == DROPOUT.get(name, [])
    momentum = 0.003 if name == "resnet-50v2" else 0.1
    assert all(norm.momentum == pytest.approx(momentum) for _, norm in layers(model, nn.BatchNorm2d))
