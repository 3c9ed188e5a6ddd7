"""CIFAR-10: 60,000 photos, 32x32 in colour, in ten classes.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009), https://www.cs.toronto.edu/~kriz/cifar.html.

The binary version is read (`cifar-10-binary.tar.gz`, or its folder `cifar-10-batches-bin`), or image files in
`train/<class>/` and `test/<class>/` (a folder, or `cifar10-jpeg.tar.gz`), which need Pillow and are not the published
bytes. The last 5,000 of the 50,000 training images are the validation split.

Two normalisations are in use. Both have the mean of the pixels; `std` divides by the deviation of all pixels of a
channel, `mean-image-std` by the mean over images of each image's own deviation, which is smaller by a fifth.
"""

from pathlib import Path

from optbench.datasets._base import Found, ImageInfo, Progress, Raw
from optbench.datasets._cifar import VALIDATION, CifarSource

CONSTANTS = {
    # the XGrad paper (arXiv:2305.18240), for both CIFARs
    "std": ((0.491, 0.482, 0.447), (0.247, 0.243, 0.262)),
    # the code behind AdaBelief, AdaPlus and RAdam (bearpaw's pytorch-classification), for both CIFARs
    "mean-image-std": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
}

SOURCE = CifarSource(
    name="cifar10",
    folder="cifar-10-batches-bin",
    archive="cifar-10-binary.tar.gz",
    archive_bytes=170_052_171,
    # of TensorFlow Datasets' list of checksums; the files' are of MXNet's `gluon/data/vision/datasets.py`
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    train={
        "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
        "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
        "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
        "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
        "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
    },
    test={"test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c"},
    records=(10_000, 10_000),
    labels=(10,),
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    mirrors=(
        # the authors' own host comes last: it sends some 50 kB/s since June 2026
        "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/cifar10/",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
        "https://www.cs.toronto.edu/~kriz/",
    ),
)

INFO = ImageInfo(
    name="cifar10",
    title="CIFAR-10, 32x32 colour photos",
    source="A. Krizhevsky (2009), https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated by the authors",
    splits={"train": 50_000 - VALIDATION, "validation": VALIDATION, "test": 10_000},
    shape=(3, 32, 32),
    classes=SOURCE.classes,
    pixel_max=255,
    mean=(0.4914, 0.4822, 0.4465),  # the figures in common use; what is loaded is measured
    std=(0.2470, 0.2435, 0.2616),
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
