"""ImageNet (ILSVRC 2012): 1,281,167 photos to train on and 50,000 to score, in a thousand classes.

O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge" (2015), arXiv:1409.0575. It must be asked for
at https://image-net.org and is not downloaded. It is read from an image folder, which needs Pillow:

    imagenet/train/n01440764/n01440764_10026.JPEG     a folder for each class, named by its WordNet id
    imagenet/val/n01440764/ILSVRC2012_val_00000293.JPEG

`val/`, for which the papers report their figures, is the test split; the validation split is the last ten images of
each class in `train/`, in the order of their names. Images are decoded by worker processes as they are needed. To
train, a random part is resized to 224x224 (`resized-crop-flip`); to score, the shorter side is resized to 256 and the
square in the centre is cut out, as in PyTorch's ImageNet example. Its checksum is over the files' names and sizes:
150 GB are not read for it. A folder with fewer classes or images can be trained on too, and is not taken for the
published data.
"""

import hashlib
import os
from importlib import resources
from pathlib import Path

from optbench.datasets import _images
from optbench.datasets._base import Found, ImageInfo, Progress, Raw
from optbench.datasets._places import cache_folder, data_root, is_folder, recall, remember, stamp
from optbench.datasets._stream import Files
from optbench.errors import OptbenchError

TRAIN, TEST = 1_281_167, 50_000
VALIDATION_PER_CLASS = 10
PARTS = ("train", "val")

# the WordNet ids in the order of their names, which is that of the labels; as in timm's `imagenet_synsets.txt`
CLASSES = tuple(resources.files("optbench.datasets").joinpath("data", "imagenet.txt").read_text("ascii").split())
_KNOWN = frozenset(CLASSES)

INFO = ImageInfo(
    name="imagenet",
    title="ImageNet (ILSVRC 2012), 224x224 colour photos",
    source="O. Russakovsky et al. (2015), arXiv:1409.0575, https://image-net.org",
    licence="for non-commercial research, to whoever agrees to the terms of image-net.org",
    splits={
        "train": TRAIN - 1000 * VALIDATION_PER_CLASS,
        "validation": 1000 * VALIDATION_PER_CLASS,
        "test": TEST,
    },
    shape=(3, 224, 224),
    classes=CLASSES,
    pixel_max=255,
    mean=(0.485, 0.456, 0.406),  # the figures in common use, as in PyTorch's ImageNet example
    std=(0.229, 0.224, 0.225),
    # over the `sha256sum` lines of the two published archives, with the sums that TensorFlow Datasets lists
    checksum=hashlib.sha256(
        b"b08200a27a8e34218a0e58fde36b0fe8f73bc377f4acea2d91602057c3ca45bb  ILSVRC2012_img_train.tar\n"
        b"c7e06a6c0baccf06d8dbeb6577d71efff84673a5dbdd50633ab44f8ea0456ae0  ILSVRC2012_img_val.tar\n"
    ).hexdigest(),
    doc=__doc__,
    made_by_users=True,
    variants=True,
    top5=True,
)


def find(root: Path | None) -> Found | None:
    """Return where the image folder is, None if it is not here.

    Raises:
        OptbenchError: the root does not exist, or the folder is not laid out as the module's docstring says.
    """
    folder = _place(data_root(root))
    return None if folder is None else _found(folder)


def read(root: Path | None, progress: Progress | None) -> Raw:
    """Return the files of the image folder; none of them is opened.

    Raises:
        OptbenchError: as `find`, or there is no such folder.
    """
    import numpy as np

    root = data_root(root)
    folder = _place(root)
    if folder is None:
        looked = ", ".join(str(place / "train") for place in _places(root))
        raise OptbenchError(
            f"imagenet has no image folder ({looked}), and cannot be downloaded",
            "get it from https://image-net.org, sort it into train/<class>/ and val/<class>/, and name its folder by "
            "--data-root or OPTBENCH_DATA",
        )
    classes = _classes(folder)
    parts: dict[str, list[tuple[list[str], int]]] = {"train": [], "validation": [], "test": []}
    for label, name in enumerate(classes):
        train = _paths(folder, "train", name)
        cut = len(train) - min(VALIDATION_PER_CLASS, len(train) // 2)
        parts["train"].append((train[:cut], label))
        parts["validation"].append((train[cut:], label))
        parts["test"].append((_paths(folder, "val", name), label))
    splits = {}
    for split, rows in parts.items():
        paths = np.array([os.fsencode(path) for names, _ in rows for path in names])
        labels = np.repeat([label for _, label in rows], [len(names) for names, _ in rows])
        splits[split] = Files(folder, paths, labels)
    return Raw(splits, _found(folder), classes=classes)


def _places(root: Path | None) -> list[Path]:
    named = [] if root is None else [root / "imagenet", root]
    return [*named, cache_folder() / "imagenet"]


def _place(root: Path | None) -> Path | None:
    for folder in _places(root):
        # another set's train/ holds no WordNet ids
        if is_folder(folder / "train") and any(name in _KNOWN for name in _folders(folder / "train")):
            return folder
    return None


def _found(folder: Path) -> Found:
    """Return the checksum over names and sizes, from memory while no folder of a class has changed."""
    classes = _classes(folder)
    mark = stamp("imagenet", [folder / part / name for part in PARTS for name in classes])
    known = (recall(mark) or "").split()
    if len(known) != 1 + len(PARTS):
        checksum, train, val = _summed(folder, classes)
        remember(mark, checksum, train, val)
    else:
        checksum, train, val = known[0], int(known[1]), int(known[2])
    if not train or not val:
        raise OptbenchError(f"{folder} has no images in {'val' if train else 'train'}/", "they end in .JPEG")
    facts = f"{len(classes):,} classes, {train:,} + {val:,} images"
    exact = (classes, train, val) == (CLASSES, TRAIN, TEST)
    return Found(str(folder), checksum, variant=f"image folder, {facts}", exact=exact)


def _summed(folder: Path, classes: tuple[str, ...]) -> tuple[str, int, int]:
    """Return the checksum over names and sizes, and how many images are in train/ and val/."""
    digest, counts = hashlib.sha256(), dict.fromkeys(PARTS, 0)
    for part in PARTS:
        for name in classes:
            for entry in _entries(folder / part / name):
                line = f"{entry.stat().st_size}  {part}/{name}/{entry.name}\n"
                digest.update(line.encode("utf-8", "surrogateescape"))
                counts[part] += 1
    return digest.hexdigest(), counts["train"], counts["val"]


def _classes(folder: Path) -> tuple[str, ...]:
    """Return the names of the classes, the same in both parts."""
    train, val = (_folders(folder / part) for part in PARTS)
    if train != val:
        differing = sorted(set(train) ^ set(val))[0]
        raise OptbenchError(
            f"{folder} has a class '{differing}' in only one of train/ and val/",
            "sort the images of val/ into a folder for each class too",
        )
    return train


def _folders(folder: Path) -> tuple[str, ...]:
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(entry.name for entry in entries if entry.is_dir()))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise OptbenchError(f"cannot look into {folder} ({error.strerror})", "permit reading it") from None


def _paths(folder: Path, part: str, name: str) -> list[str]:
    return [f"{part}/{name}/{entry.name}" for entry in _entries(folder / part / name)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return a class's images in the order of their names."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if _images.is_image(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise OptbenchError(f"cannot look into {folder} ({error.strerror})", "permit reading it") from None
