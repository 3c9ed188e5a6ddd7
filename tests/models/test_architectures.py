"""Sizes, costs and shapes of every model against numbers that others have published. Nothing is computed: the models
are built on the meta device."""

import functools

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from optbench import models

NAMES = [name for name in models.names() if models.info(name).kind == "images"]


@functools.cache
def meta(name, in_channels=None, classes=None, size=None):
    """Return a model without storage, and two images for it."""
    facts = models.info(name)
    in_channels, size = in_channels or facts.input_shape[0], size or facts.image_size
    with torch.device("meta"):
        model = models.create(name, in_channels=in_channels, classes=classes or facts.classes, image_size=size)
        return model, torch.zeros(2, in_channels, size, size)


def count(model):
    return sum(p.numel() for p in model.parameters())


# Parameters as published, and where. A name that is missing here fails `test_every_model_has_a_public_count`.
PUBLIC = {
    "alexnet": (23_272_266, "layer by layer, test_alexnet_and_vgg_11_plain_by_hand; model listings on GitHub"),
    "densenet-121": (6_956_298, "laisimiao/classification-cifar10-pytorch, README (kuangliu's code, torchsummary)"),
    "digits-cnn": (38_282, "ours: 160 + 4,640 + 32,832 + 650"),
    "googlenet": (6_166_250, "READMEs of forks of kuangliu/pytorch-cifar that list parameters (thop)"),
    "lenet": (61_706, "layer by layer, test_lenet_by_hand"),
    "resnet-101": (42_512_970, "laisimiao/classification-cifar10-pytorch, README (kuangliu's code, torchsummary)"),
    "resnet-18": (11_689_512, "torchvision's documentation of resnet18: num_params; osmr/imgclsmob, README"),
    "resnet-20": (272_474, "osmr/imgclsmob, README, CIFAR-10"),
    "resnet-34": (21_282_122, "gkdivya/EVA, README (kuangliu's code)"),
    "vgg-11": (9_231_114, "NeuralFuse, NeurIPS 2024, Table 7"),
    "vgg-16": (14_728_266, "NeuralFuse, NeurIPS 2024, Table 7; laisimiao/classification-cifar10-pytorch, README"),
    "vgg-11-plain": (
        9_750_922,
        "layer by layer, test_alexnet_and_vgg_11_plain_by_hand; torchsummary listings on GitHub",
    ),
    "vit": (9_523_722, "mrothroc/mixlab, vit-cifar10-muon, README (counts kentaroy47/vision-transformers-cifar10)"),
    # osmr/imgclsmob's PreResNet-50b with 25,549,480 has one batch norm of 64 channels more, after the stem
    "resnet-50v2": (25_549_480 - 2 * 64, "osmr/imgclsmob, README; 25,549,352 also Big Transfer's R50x1"),
    # published rounded, and with 100 classes: test_inception_v3_by_its_public_count
    "inception-v3": (22_133_738, "weiaicunzai/pytorch-cifar100, README: 22.3 M"),
}


def test_every_model_has_a_public_count():
    assert sorted(PUBLIC) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_parameters_is_the_public_one(name):
    published, _ = PUBLIC[name]
    assert count(meta(name)[0]) == models.info(name).parameters == published


def test_inception_v3_by_its_public_count():
    hundred = count(meta("inception-v3", classes=100)[0])
    assert f"{hundred / 1e6:.1f}M" == "22.3M"
    # torchvision's inception_v3 without auxiliary classifier: 23,834,568 with 1000 classes. It has 1x1 convolutions
    # where this has 3x3 after the pools of the three blocks A, 8 weights more for each pair of channels.
    pools = 8 * (192 * 32 + 256 * 64 + 288 * 64)
    assert count(meta("inception-v3", classes=1000)[0]) == 23_834_568 + pools


def test_alexnet_and_vgg_11_plain_by_hand():
    def total(convolutions, linear):
        return sum((9 * i + 1) * o for i, o in convolutions) + sum((i + 1) * o for i, o in linear)

    convolutions = [(3, 64), (64, 192), (192, 384), (384, 256), (256, 256)]
    linear = [(256 * 2 * 2, 4096), (4096, 4096), (4096, 10)]
    assert models.info("alexnet").parameters == total(convolutions, linear)
    convolutions = [(3, 64), (64, 128), (128, 256), (256, 256), (256, 512), (512, 512), (512, 512), (512, 512)]
    assert models.info("vgg-11-plain").parameters == total(convolutions, [(512, 512), (512, 512), (512, 10)])


# Millions of multiply-adds for one image at native size. From the README of a fork of kuangliu/pytorch-cifar (thop)
# unless said otherwise. Counters differ on batch norm and pooling, so the numbers agree to 2 %; a wrong stride would
# change them by a quarter or more.
MULTIPLY_ADDS = {
    "vgg-11": 153.22,
    "vgg-16": 314.03,
    "resnet-34": 1161.45,
    "googlenet": 1529.43,
    "densenet-121": 898.06,
    "resnet-20": 41.29,  # osmr/imgclsmob, as the two below
    "resnet-18": 1820.41,
    "resnet-50v2": 4107.97,
}


@pytest.mark.parametrize("name", MULTIPLY_ADDS)
def test_the_multiply_adds_are_the_public_ones(name):
    model, images = meta(name)
    with FlopCounterMode(display=False) as counter:
        model(images)
    assert counter.get_total_flops() / 2 / len(images) / 1e6 == pytest.approx(MULTIPLY_ADDS[name], rel=0.02)


# What every named part of a model puts out for one image, from the tables of the papers adapted to the image size.
SHAPES = {
    "alexnet": {"features": (1024,)},
    "densenet-121": {
        "stem": (64, 32, 32),
        "block1": (256, 32, 32),
        "transition1": (128, 16, 16),
        "block2": (512, 16, 16),
        "transition2": (256, 8, 8),
        "block3": (1024, 8, 8),
        "transition3": (512, 4, 4),
        "block4": (1024, 4, 4),
    },
    "googlenet": {
        "stem": (192, 32, 32),
        "inception3": (480, 32, 32),
        "inception4": (832, 16, 16),
        "inception5": (1024, 8, 8),
    },
    "inception-v3": {
        "stem": (192, 30, 30),
        "a": (288, 30, 30),
        "b": (768, 14, 14),
        "c": (768, 14, 14),
        "d": (1280, 6, 6),
        "e": (2048, 6, 6),
    },
    "resnet-20": {"stem": (16, 32, 32), "stage1": (16, 32, 32), "stage2": (32, 16, 16), "stage3": (64, 8, 8)},
    "resnet-34": {
        "stem": (64, 32, 32),
        "stage1": (64, 32, 32),
        "stage2": (128, 16, 16),
        "stage3": (256, 8, 8),
        "stage4": (512, 4, 4),
    },
    "resnet-101": {"stem": (64, 32, 32), "stage1": (256, 32, 32), "stage4": (2048, 4, 4)},
    "resnet-18": {"stem": (64, 56, 56), "stage1": (64, 56, 56), "stage4": (512, 7, 7)},
    "resnet-50v2": {"stem": (64, 56, 56), "stage1": (256, 56, 56), "stage3": (1024, 14, 14), "stage4": (2048, 7, 7)},
    "vgg-11": {"features": (512, 1, 1)},
    "vgg-16": {"features": (512, 1, 1)},
    "vgg-11-plain": {"features": (512, 1, 1)},
    "vit": {"tokens": (65, 512), "blocks": (65, 512)},
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_shapes_along_the_way_are_the_paper_s(name):
    model, x = meta(name)
    found = {}
    for part, layer in model.named_children():
        x = layer(x)
        if part in SHAPES[name]:
            found[part] = tuple(x.shape[1:])
    assert found == SHAPES[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_images_with_other_channels_and_classes(name):
    model, images = meta(name, in_channels=2, classes=7, size=models.info(name).smallest)
    assert model(images).shape == (2, 7)


GROW = {"alexnet", "digits-cnn", "lenet", "vit"}  # with the image: these have no mean before their linear layers


@pytest.mark.parametrize("name", NAMES)
def test_another_size_is_taken_and_changes_no_parameter_where_a_mean_precedes_the_linear_layers(name):
    facts = models.info(name)
    size = facts.smallest + facts.multiple if name not in GROW else 2 * facts.image_size
    model, images = meta(name, size=size)
    assert model(images).shape == (2, facts.classes)
    assert (count(model) > facts.parameters) is (name in GROW)
    assert (count(model) == facts.parameters) is (name not in GROW)
