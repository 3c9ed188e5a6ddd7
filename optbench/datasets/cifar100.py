"""CIFAR-100: 60,000 photos, 32x32 in colour, in a hundred classes.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009), https://www.cs.toronto.edu/~kriz/cifar.html.

The binary version is read (`cifar-100-binary.tar.gz`, or its folder `cifar-100-binary`), or image files in
`train/<class>/` and `test/<class>/`, which need Pillow and are not the published bytes. A label is the fine class; the
twenty coarse ones are not used. The last 5,000 of the 50,000 training images are the validation split.

The normalisations `std` and `mean-image-std` are CIFAR-10's constants, which the papers use for this set too.
"""

from pathlib import Path

from optbench.datasets._base import Found, ImageInfo, Progress, Raw
from optbench.datasets._cifar import VALIDATION, CifarSource
from optbench.datasets.cifar10 import CONSTANTS

_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""
CLASSES = tuple(_NAMES.split())

SOURCE = CifarSource(
    name="cifar100",
    folder="cifar-100-binary",
    archive="cifar-100-binary.tar.gz",
    archive_bytes=168_513_733,
    # of TensorFlow Datasets' list of checksums; the files' are of MXNet's `gluon/data/vision/datasets.py`
    sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    train={"train.bin": "e207cd2e05b73b1393c74c7f5e7bea451d63e08e"},
    test={"test.bin": "8fb6623e830365ff53cf14adec797474f5478006"},
    records=(50_000, 10_000),
    labels=(20, 100),
    classes=CLASSES,
    mirrors=(
        # the authors' own host comes last: it sends some 50 kB/s since June 2026
        "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/cifar100/",
        "https://www.cs.toronto.edu/~kriz/",
    ),
)

INFO = ImageInfo(
    name="cifar100",
    title="CIFAR-100, 32x32 colour photos",
    source="A. Krizhevsky (2009), https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated by the authors",
    splits={"train": 50_000 - VALIDATION, "validation": VALIDATION, "test": 10_000},
    shape=(3, 32, 32),
    classes=CLASSES,
    pixel_max=255,
    mean=(0.5071, 0.4865, 0.4409),  # the figures in common use; what is loaded is measured
    std=(0.2673, 0.2564, 0.2762),
    checksum=SOURCE.sha256,
    doc=__doc__,
    constants=CONSTANTS,
    variants=True,
    top5=True,
)


def find(root: Path | None) -> Found | None:
    """Return where the set is, None if it is not here; see `CifarSource.find`."""
    return SOURCE.find(root)


def read(root: Path | None, progress: Progress | None) -> Raw:
    """Find, verify and decode the set; see `CifarSource.read`."""
    return SOURCE.read(root, progress)
