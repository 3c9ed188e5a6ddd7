import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from optbench import datasets, tasks
from optbench.datasets import Dataset, Split


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.fixture(scope="module")
def task(digits):
    return tasks.create("classification", digits)


def toy(n_train=10, n_validation=4, n_test=6, channels=2, pixel_max=255):
    """Return a dataset whose images can be told apart: all pixels of image k are k."""
    counter = itertools.count()

    def split(n):
        images = torch.tensor([next(counter) for _ in range(n)], dtype=torch.uint8)
        return Split(images.view(-1, 1, 1, 1).repeat(1, channels, 3, 3), images.long() % 3)

    parts = {"train": split(n_train), "validation": split(n_validation), "test": split(n_test)}
    return Dataset(
        name="toy",
        classes=("a", "b", "c"),
        shape=(channels, 3, 3),
        pixel_max=pixel_max,
        mean=(0.25, 0.5)[:channels],
        std=(0.5, 0.125)[:channels],
        checksum="",
        provenance="",
        **parts,
    )


def test_normalisation_per_channel_by_hand():
    batch, _ = next(tasks.create("classification", toy(n_train=1, pixel_max=4)).batches(0, 0, 1))
    assert batch.dtype == torch.float32
    assert batch[0, :, 0, 0].tolist() == [(0 / 4 - 0.25) / 0.5, (0 / 4 - 0.5) / 0.125]
    images = tasks.create("classification", toy(pixel_max=4)).images(torch.full((1, 2, 1, 1), 3).byte())
    assert images.flatten().tolist() == [(3 / 4 - 0.25) / 0.5, (3 / 4 - 0.5) / 0.125]


def test_the_training_data_have_mean_0_and_deviation_1(task):
    images = torch.cat([images for images, _ in task.batches(0, 0, 100)])
    assert abs(images.mean().item()) < 1e-3
    assert images.std().item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("batch_size", [1, 3, 10, 11])
def test_an_epoch_holds_every_example_once(batch_size):
    task = tasks.create("classification", toy())
    batches = list(task.batches(seed=5, epoch=2, batch_size=batch_size))
    assert len(batches) == task.steps(batch_size) == -(-10 // batch_size)
    assert [len(labels) for _, labels in batches[:-1]] == [batch_size] * (len(batches) - 1)
    pixels = torch.cat([images[:, 0, 0, 0] for images, _ in batches])
    labels = torch.cat([labels for _, labels in batches])
    numbers = ((pixels * 0.5 + 0.25) * 255).round().long()
    assert sorted(numbers.tolist()) == list(range(10))
    assert torch.equal(labels, numbers % 3)


def order(task, seed, epoch):
    return torch.cat([labels for _, labels in task.batches(seed, epoch, 64)]).tolist()


def test_the_order_depends_on_seed_and_epoch_alone(task):
    first = order(task, 3, 7)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    order(task, 0, 0)
    assert order(task, 3, 7) == first
    assert torch.equal(torch.get_rng_state(), before)


def test_seeds_and_epochs_all_have_orders_of_their_own(task):
    orders = {tuple(order(task, seed, epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16


def test_the_paper_protocol_trains_on_train_and_validation():
    dataset = toy()
    task = tasks.create("classification", dataset, protocol="paper")
    assert task.validation is None
    assert task.train.images[:, 0, 0, 0].tolist() == list(range(14))
    assert task.train.labels.tolist() == [number % 3 for number in range(14)]
    assert task.test is dataset.test
    standard = tasks.create("classification", dataset)
    assert (standard.train, standard.validation) == (dataset.train, dataset.validation)


def reference(model, images, labels):
    """Return accuracy and cross-entropy of the logits in float64 NumPy."""
    with torch.no_grad():
        logits = model(images).double().numpy()
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    return 100 * np.mean(logits.argmax(axis=1) == labels), -np.mean(log_p[rows, labels])


def test_the_metrics_equal_an_independent_computation(task, digits):
    torch.manual_seed(0)
    model = task.model("digits-cnn")
    for split in (task.train, task.validation, task.test):  # 1,197 images are several batches, 300 one
        images = ((split.images.double() / 16 - digits.mean[0]) / digits.std[0]).float()
        accuracy, cross_entropy = reference(model, images, split.labels.numpy())
        assert task.evaluate(model, split) == {
            "accuracy": pytest.approx(accuracy, abs=1e-9),
            "cross_entropy": pytest.approx(cross_entropy, abs=1e-6),
        }


def test_the_loss_is_the_mean_cross_entropy_of_the_batch(task):
    model = task.model("digits-cnn")
    images, labels = next(task.batches(0, 0, 64))
    loss, carry = task.loss(model, (images, labels))
    assert carry is None
    assert loss.shape == ()
    assert loss.item() == pytest.approx(reference(model, images, labels.numpy())[1], rel=1e-5)
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


class Modes(nn.Module):
    """Knows the right answer in eval mode alone, and notes where gradients are on."""

    def __init__(self, bad=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.bad = bad
        self.seen = []

    def forward(self, images):
        self.seen.append((self.training, torch.is_grad_enabled()))
        numbers = ((images[:, 0, 0, 0] * 0.5 + 0.25) * 255).round().long()
        logits = nn.functional.one_hot(numbers % 3, 3) * self.weight + self.bad
        return logits if not self.training else -logits


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_is_in_eval_mode_without_gradients_and_leaves_the_mode(training):
    task = tasks.create("classification", toy())
    model = Modes().train(training)
    assert task.evaluate(model, task.test)["accuracy"] == 100
    assert model.seen == [(False, False)]
    assert model.training is training


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_are_never_right(bad):
    task = tasks.create("classification", toy())
    scores = task.evaluate(Modes(bad), task.test)
    assert scores["accuracy"] == 0
    assert not np.isfinite(scores["cross_entropy"])


def test_under_autocast_the_loss_is_fp32_and_the_scores_stay_close(task):
    torch.manual_seed(0)
    model = task.model("digits-cnn")
    batch = next(task.batches(0, 0, 64))
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = task.loss(model, batch)
        scores = task.evaluate(model, task.test)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(task.loss(model, batch)[0].item(), rel=1e-2)
    exact = task.evaluate(model, task.test)
    assert scores["cross_entropy"] == pytest.approx(exact["cross_entropy"], rel=1e-2)


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing_is_in_the_training_loss_alone(digits, task, smoothing):
    torch.manual_seed(0)
    model = task.model("digits-cnn")
    smooth = tasks.create("classification", digits, label_smoothing=smoothing)
    images, labels = next(task.batches(0, 0, 64))
    with torch.no_grad():
        log_p = model(images).double().log_softmax(dim=1).numpy()
    target = np.full_like(log_p, smoothing / 10)
    target[np.arange(64), labels.numpy()] += 1 - smoothing
    loss, _ = smooth.loss(model, (images, labels))
    assert loss.item() == pytest.approx(-(target * log_p).sum(axis=1).mean(), rel=1e-5)
    assert smooth.evaluate(model, task.test) == task.evaluate(model, task.test)


class Table(nn.Module):
    """Answers with rows of a table, in order."""

    def __init__(self, rows):
        super().__init__()
        self.rows = iter(rows)

    def forward(self, images):
        return torch.stack([next(self.rows) for _ in images])


@pytest.mark.parametrize("classes", [3, 5, 20])
def test_top_5_accuracy_equals_an_independent_computation(classes):
    dataset = replace(toy(n_test=40), top5=True)
    logits = torch.randn(40, classes, generator=torch.Generator().manual_seed(0))
    logits[7] = float("nan")
    scores = tasks.create("classification", dataset).evaluate(Table(logits), dataset.test)
    right = [
        label in row.argsort()[-5:] for row, label in zip(logits.numpy(), dataset.test.labels.tolist(), strict=True)
    ]
    right[7] = False
    assert scores["accuracy_top5"] == pytest.approx(100 * np.mean(right))
    assert scores["accuracy"] <= scores["accuracy_top5"]


def test_a_normalisation_by_name():
    dataset = replace(toy(n_train=1, pixel_max=4), constants={"paper": ((0.5, 0.0), (0.25, 1.0))})
    task = tasks.create("classification", dataset, normalisation="paper")
    assert task.images(torch.full((1, 2, 1, 1), 3).byte()).flatten().tolist() == [(3 / 4 - 0.5) / 0.25, 3 / 4]


def test_training_images_are_augmented_and_others_are_not(digits):
    plain = tasks.create("classification", digits)
    task = tasks.create("classification", digits, augmentation="crop-flip")

    def epoch(which, seed, number, size):
        batches = list(which.batches(seed, number, size))
        return torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches])

    images, labels = epoch(task, 0, 0, 100)
    whole, same_labels = epoch(plain, 0, 0, 100)
    assert torch.equal(labels, same_labels)  # the order does not depend on the augmentation
    assert torch.equal(epoch(task, 0, 0, 64)[0], images)
    assert not torch.equal(epoch(task, 0, 1, 100)[0], images)
    black = (0 - digits.mean[0]) / digits.std[0]
    for one, original in zip(images[:200], whole[:200], strict=True):
        shown = {round(value, 4) for value in one.flatten().tolist()}
        assert shown <= {round(value, 4) for value in original.flatten().tolist()} | {round(black, 4)}
    model = plain.model("digits-cnn")
    assert task.evaluate(model, task.test) == plain.evaluate(model, plain.test)


def test_a_model_fits_the_data():
    model = tasks.create("classification", toy(pixel_max=1)).model("digits-cnn")
    assert model(torch.zeros(1, 2, 3, 3)).shape == (1, 3)


def test_the_default_workload_learns(task):
    torch.manual_seed(0)
    model = task.model("digits-cnn")
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for epoch in range(4):
        for batch in task.batches(0, epoch, 64):
            optimizer.zero_grad()
            task.loss(model, batch)[0].backward()
            optimizer.step()
    assert task.evaluate(model, task.test)["accuracy"] > 93
