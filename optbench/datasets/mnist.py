"""MNIST: 70,000 handwritten digits, 28x28 grey.

Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits". The authors' page is
offline now; the mirrors are torchvision's and TensorFlow Datasets'.

The last 5,000 of the 60,000 training images are the validation split. The checksums of the decompressed files
are those that many public projects list, some of them beside the checksums of the .gz files that TensorFlow
Datasets publishes.
"""

from pathlib import Path

from optbench.datasets._base import Found, ImageInfo, Progress, Raw
from optbench.datasets._idx_source import VALIDATION, File, IdxSource

SOURCE = IdxSource(
    name="mnist",
    folders=("mnist", "MNIST/raw"),  # the second is torchvision's
    files={
        "train-images-idx3-ubyte": File(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47_040_016, 9_912_422
        ),
        "train-labels-idx1-ubyte": File(
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_008, 28_881
        ),
        "t10k-images-idx3-ubyte": File(
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7_840_016, 1_648_877
        ),
        "t10k-labels-idx1-ubyte": File(
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_008, 4_542
        ),
    },
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

INFO = ImageInfo(
    name="mnist",
    title="MNIST, 28x28 grey handwritten digits",
    source='Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"',
    licence="not stated by the authors in the files; commonly given as CC BY-SA 3.0",
    splits={"train": 60_000 - VALIDATION, "validation": VALIDATION, "test": 10_000},
    shape=(1, 28, 28),
    classes=tuple("0123456789"),
    pixel_max=255,
    mean=(0.1307,),  # the figures in common use
    std=(0.3081,),
    checksum=SOURCE.checksum(),
    doc=__doc__,
)


def find(root: Path | None) -> Found | None:
    """Return where the verified files are, None if they are not here; see `IdxSource.find`."""
    return SOURCE.find(root)


def read(root: Path | None, progress: Progress | None) -> Raw:
    """Find, verify and decode the files; see `IdxSource.read`."""
    return SOURCE.read(root, progress)
