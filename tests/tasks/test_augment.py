"""Batched augmentation against references that take one image at a time."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from optbench.datasets import _crops
from optbench.tasks import AUGMENTATIONS, _augment

CPU = torch.device("cpu")


def pixels(count, height=9, width=9, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(1, 256, (count, 3, height, width), np.uint8))


def padded_crop(image, top, left):
    """RandomCrop(size, padding=4) of one image, whose place is known: a loop over pixels."""
    _, height, width = image.shape
    result = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            from_y, from_x = y + top - 4, x + left - 4
            if 0 <= from_y < height and 0 <= from_x < width:
                result[:, y, x] = image[:, from_y, from_x]
    return result


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=6))
def test_crops_are_those_of_one_image_at_a_time(places):
    batch = pixels(len(places))
    found = _augment.crop(batch, torch.tensor(places))
    assert found.dtype == torch.uint8
    assert found.is_contiguous()
    for image, crop, place in zip(batch, found, places, strict=True):
        np.testing.assert_array_equal(crop.numpy(), padded_crop(image.numpy(), *place))


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_flips_are_those_of_one_image_at_a_time(chosen):
    batch = pixels(len(chosen))
    found = _augment.flip(batch, torch.tensor([*chosen, True, False]))
    for image, flipped, mirrored in zip(batch, found, chosen, strict=True):
        expected = image.numpy()[:, :, ::-1] if mirrored else image.numpy()
        np.testing.assert_array_equal(flipped.numpy(), expected)


@st.composite
def boxes(draw):
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    count = draw(st.integers(1, 3))
    found = []
    for _ in range(count):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        found.append((top, left, draw(st.integers(1, height - top)), draw(st.integers(1, width - left))))
    return height, width, found


@settings(deadline=None, max_examples=60)
@given(boxes(), st.integers(1, 24))
def test_resized_crops_are_pillow_s(case, side):
    height, width, places = case
    batch = pixels(len(places), height, width)
    found = _augment.resized_crop(batch, torch.tensor(places), side)
    assert found.dtype == torch.float32
    assert found.shape == (len(places), 3, side, side)
    for image, mine, (top, left, high, wide) in zip(batch, found, places, strict=True):
        whole = Image.fromarray(image.numpy().transpose(1, 2, 0))
        box = whole.crop((left, top, left + wide, top + high))
        expected = np.asarray(box.resize((side, side), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        # Pillow rounds to whole levels twice, after the rows and after the columns
        assert np.abs(mine.numpy() - expected).max() <= 1.01


def reference_box(height, width, uniform):
    """torchvision's RandomResizedCrop.get_params, transcribed with its own draws."""
    area = height * width
    for _ in range(10):
        target = area * uniform(0.08, 1.0)
        ratio = math.exp(uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if 0 < w <= width and 0 < h <= height:
            return round(uniform(-0.5, height - h + 0.5)), round(uniform(-0.5, width - w + 0.5)), h, w
    if width / height < 3 / 4:
        w, h = width, round(width / (3 / 4))
    elif width / height > 4 / 3:
        h, w = height, round(height * (4 / 3))
    else:
        w, h = width, height
    return (height - h) // 2, (width - w) // 2, h, w


@pytest.mark.parametrize(("height", "width"), [(40, 50), (20, 60), (8, 100), (100, 3)])
def test_random_boxes_are_distributed_as_the_reference_s(height, width):
    found = _crops.random_boxes(4000, height, width, np.random.Generator(np.random.Philox(key=1)))
    draw = random.Random(2)
    expected = np.array([reference_box(height, width, draw.uniform) for _ in range(4000)])
    for column in range(4):
        at = np.unique(expected[:, column])
        shares = [np.searchsorted(np.sort(each[:, column]), at, side="right") / 4000 for each in (found, expected)]
        # Kolmogorov and Smirnov's distance, which chance exceeds once in a thousand
        assert np.abs(shares[0] - shares[1]).max() < 1.95 * math.sqrt(2 / 4000)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**63))
def test_random_boxes_lie_within_the_image(height, width, seed):
    top, left, high, wide = _crops.random_boxes(20, height, width, np.random.Generator(np.random.Philox(key=seed))).T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (high >= 1).all()
    assert (wide >= 1).all()
    assert (top + high <= height).all()
    assert (left + wide <= width).all()


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 200))
def test_an_image_to_score_covers_the_square_in_its_centre(height, width, side):
    high, wide = _crops.resized(height, width, side)
    assert min(high, wide) == round(side * 256 / 224)
    assert high / wide == pytest.approx(height / width, rel=2 / side)
    top, left = _crops.centre(high, wide, side)
    assert 0 <= top <= high - side
    assert 0 <= left <= wide - side


def test_imagenet_s_sizes():
    assert _crops.resized(375, 500, 224) == (256, 341)
    assert _crops.resized(500, 375, 224) == (341, 256)
    assert _crops.centre(256, 341, 224) == (16, 58)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_epoch_is_drawn_before_it_whatever_the_batch_size(name):
    batch = pixels(40, 10, 10)

    def epoch(seed, size):
        augment = _augment.epoch(name, 40, seed, (10, 10), 8, CPU)
        return torch.cat([augment(batch[at : at + size], at) for at in range(0, 40, size)])

    before = torch.get_rng_state()
    whole = epoch(7, 40)
    assert whole.shape == (40, 3, 8, 8)
    assert torch.equal(epoch(7, 40), whole)
    assert (
        torch.equal(epoch(7, 1).round(), whole.round())
        if name == "resized-crop-flip"
        else torch.equal(epoch(7, 3), whole)
    )
    assert torch.equal(epoch(8, 40), whole) == (name == "none")
    assert torch.equal(torch.get_rng_state(), before)


def test_half_the_images_are_mirrored_and_every_place_of_the_crop_occurs():
    images = torch.arange(81, dtype=torch.uint8).view(1, 1, 9, 9).repeat(4000, 1, 1, 1) + 1
    found = _augment.epoch("crop-flip", 4000, 3, (9, 9), 9, CPU)(images, 0)
    middle = found[:, 0, 4, 3:6].int()  # always within the image
    mirrored = middle[:, 0] > middle[:, 2]
    assert abs(mirrored.float().mean() - 0.5) < 0.04  # five standard errors
    values, counts = middle[:, 1].unique(return_counts=True)
    assert len(values) == 81
    assert counts.min() > 15  # of 49 expected
    only = _augment.epoch("flip", 4000, 3, (9, 9), 9, CPU)(images, 0)
    assert abs((only[:, 0, 0, 0] == 9).float().mean() - 0.5) < 0.04


def test_the_centre_of_images_that_fit_is_themselves():
    batch = pixels(2)
    assert _augment.centre(batch, 9) is batch
    assert torch.equal(_augment.centre(batch, 5), batch[:, :, 2:7, 2:7])
