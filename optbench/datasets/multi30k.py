"""Multi30k: 31,014 captions of photos, English and German.

D. Elliott, S. Frank, K. Sima'an, L. Specia, "Multi30K: Multilingual English-German Image Descriptions" (2016),
https://doi.org/10.18653/v1/W16-3210. Task 1 (translation): 29,000 pairs to train on, 1,014 to validate, and the 1,000
of `test_2016_flickr`. The text is raw: neither tokenised nor lower-cased.

The files lie in a folder `multi30k` or an archive `multi30k.tar.gz`: `train.de`, `val.de`, `test_2016_flickr.de` and
the same in `en`, gzipped or not, as https://github.com/multi30k/dataset has them, from where they are downloaded if
they are nowhere. The checksum is over the `sha256sum` lines of the six decompressed files under the names `train.de`,
`validation.de`, ...
"""

import hashlib
from pathlib import Path
from typing import Any

from optbench.datasets import _members
from optbench.datasets._base import Found, ParallelInfo, Progress, RawParallel
from optbench.datasets._pairs_files import checksum
from optbench.datasets._pairs_options import fields
from optbench.datasets._pairs_source import PairsSource
from optbench.datasets._places import cache_folder
from optbench.errors import OptbenchError

VOCABULARY = 8000
LIMITS = _members.Limits(files=200, file_bytes=16_000_000, bytes=64_000_000)  # the archive has 6 files of 4 MB together

# of the decompressed files; the gzipped ones' MD5 are those in torchtext's list
SHA256 = {
    "train.de": "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
    "train.en": "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
    "validation.de": "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
    "validation.en": "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
    "test.de": "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
    "test.en": "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
}
STEMS = {
    "train": ("train",),
    "validation": ("val", "valid", "validation"),
    "test": ("test_2016_flickr", "test2016", "test"),
}
# MD5 (torchtext's) and bytes of what is downloaded
DOWNLOADS = {
    "train.de.gz": ("81ff90b99829c0cd4b1b587d394afd39", 637_044),
    "train.en.gz": ("0065d13af80720a55ca8153d126e6627", 568_929),
    "val.de.gz": ("6e0e229eb049e3fc99a1ef02fb2d5f91", 24_681),
    "val.en.gz": ("2b69aa9253948ac9f67e94917272dd40", 21_650),
    "test_2016_flickr.de.gz": ("efd67d314d98489b716b145475101932", 22_890),
    "test_2016_flickr.en.gz": ("ff2c0fcb4893a13bd73414306bc250ae", 21_077),
}
MIRRORS = (
    "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/",
    "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/",
)

INFO = ParallelInfo(
    name="multi30k",
    title="Multi30k, German and English captions of photos",
    source="D. Elliott, S. Frank, K. Sima'an, L. Specia (2016), https://github.com/multi30k/dataset",
    licence="its authors give it to researchers and educators for non-commercial use, under Flickr's terms",
    splits={"train": 29_000, "validation": 1014, "test": 1000},
    languages=("de", "en"),
    vocabulary=VOCABULARY,
    sentence_tokens=14.3,  # English, measured with 8,000 subwords
    checksum=checksum(SHA256),
    doc=__doc__,
)

OPTIONS = fields(vocabulary=VOCABULARY, path=False)

SOURCE = PairsSource(
    INFO,
    OPTIONS,
    folders=("multi30k", "multi30k.tar.gz", "multi30k.tgz", "multi30k.tar"),
    stems=STEMS,
    limits=LIMITS,
    published=SHA256,
    remedy="name the folder that multi30k/ or multi30k.tar.gz is in by --data-root or OPTBENCH_DATA",
)


def find(root: Path | None, **options: Any) -> Found | None:
    """Return where the verified files are, None if they are not here; see `PairsSource.find`."""
    return SOURCE.find(root, options)


def read(root: Path | None, progress: Progress | None, **options: Any) -> RawParallel:
    """Find the files or download them, verify them and cut them into subwords; see `PairsSource.read`."""
    path = SOURCE.path(root, SOURCE.options(options)) or _downloaded(root, progress)
    return SOURCE.read(root, options, path)


def _downloaded(root: Path | None, progress: Progress | None) -> Path:
    """Return the folder in the cache, its files brought there from a mirror."""
    from optbench.datasets._download import MirrorError, download  # urllib is slow to import, seldom needed

    folder = cache_folder() / INFO.name
    for name, (_, size) in DOWNLOADS.items():
        try:
            download(
                [mirror + name for mirror in MIRRORS],
                folder / name,
                verify=lambda path, name=name: _verify(path, name),  # type: ignore[misc]
                size_limit=size,
                progress=progress,
            )
        except MirrorError as error:
            raise SOURCE.nowhere(root, f", and {name} could not be downloaded ({error})") from None
    return folder


def _verify(path: Path, name: str) -> None:
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    if digest != DOWNLOADS[name][0]:
        raise OptbenchError(f"{path}: MD5 {digest} is not {DOWNLOADS[name][0]}", "it is fetched again")
