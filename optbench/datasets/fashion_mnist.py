"""Fashion-MNIST: 70,000 photos of clothes, 28x28 grey, in ten classes.

H. Xiao, K. Rasul and R. Vollgraf (2017), arXiv:1708.07747, https://github.com/zalandoresearch/fashion-mnist.

The last 5,000 of the 60,000 training images are the validation split. The checksums are of the decompressed
files, since copies differ in their gzip headers: Debian's package `dataset-fashion-mnist` holds the same
images as the original.
"""

from pathlib import Path

from optbench.datasets._base import Found, ImageInfo, Progress, Raw
from optbench.datasets._idx_source import VALIDATION, File, IdxSource

SOURCE = IdxSource(
    name="fashion-mnist",
    folders=("fashion-mnist", "FashionMNIST/raw"),  # the second is torchvision's
    files={
        "train-images-idx3-ubyte": File(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 47_040_016, 26_421_880
        ),
        "train-labels-idx1-ubyte": File(
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 60_008, 29_515
        ),
        "t10k-images-idx3-ubyte": File(
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 7_840_016, 4_422_102
        ),
        "t10k-labels-idx1-ubyte": File(
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 10_008, 5_148
        ),
    },
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # has no https; the checksum guards it
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    system_folders=(Path("/usr/share/datasets/fashion-mnist"),),
    remedy="`apt-get install dataset-fashion-mnist` on Debian and Ubuntu",
)

INFO = ImageInfo(
    name="fashion-mnist",
    title="Fashion-MNIST, 28x28 grey photos of clothes",
    source="H. Xiao, K. Rasul, R. Vollgraf (2017), https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT (the authors' page)",
    splits={"train": 60_000 - VALIDATION, "validation": VALIDATION, "test": 10_000},
    shape=(1, 28, 28),
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    pixel_max=255,
    mean=(0.2860,),  # measured over all 60,000 training images, like the deviation
    std=(0.3530,),
    checksum=SOURCE.checksum(),
    doc=__doc__,
)


def find(root: Path | None) -> Found | None:
    """Return where the verified files are, None if they are not here; see `IdxSource.find`."""
    return SOURCE.find(root)


def read(root: Path | None, progress: Progress | None) -> Raw:
    """Find, verify and decode the files; see `IdxSource.read`."""
    return SOURCE.read(root, progress)
