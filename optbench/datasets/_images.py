"""One image file to pixels, by Pillow, which is an extra of optbench's."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png")
FORMATS = ("JPEG", "PNG")


def is_image(name: str) -> bool:
    """Return whether a file is an image by its name; hidden ones (such as macOS's `._x.jpg`) are not."""
    return name.lower().endswith(SUFFIXES) and not name.rpartition("/")[2].startswith(".")


def pillow() -> Any:
    """Return Pillow's module `Image`.

    Raises:
        OptbenchError: it is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise OptbenchError(
            "JPEG and PNG files are read with Pillow, which is not installed", "pip install 'optbench[images]'"
        ) from None
    return Image


def rgb(data: bytes, name: str, size: tuple[int, int] | None = None) -> Image.Image:
    """Return a decoded RGB image.

    Args:
        data: the file's contents, JPEG or PNG.
        name: the file's, for messages.
        size: width and height that it must have; looked at before anything is decoded.

    Raises:
        OptbenchError: it is no such image, is damaged or of another size, or Pillow is not installed.
    """
    image_module = pillow()
    try:
        with image_module.open(io.BytesIO(data), formats=FORMATS) as image:
            if size not in (None, image.size):
                have, want = ("x".join(map(str, each)) for each in (image.size, size))
                raise OptbenchError(f"{name} is {have} pixels, not {want}", "replace it by an original")
            found: Image.Image = image.convert("RGB")
            return found
    except OptbenchError:
        raise
    except Exception as error:  # Pillow raises nearly anything on altered bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, image_module.UnidentifiedImageError):
            reason = "no JPEG or PNG"
        raise OptbenchError(f"{name} is not an intact image ({reason})", "replace it by an intact copy") from None


def pixels(image: Image.Image) -> np.ndarray:
    """Return an RGB image as uint8 (3, height, width)."""
    import numpy as np

    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
