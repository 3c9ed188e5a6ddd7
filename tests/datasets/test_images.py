import builtins
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making_images import encoded
from PIL import Image

from optbench.datasets import _images
from optbench.errors import OptbenchError

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (6, 9, 3), np.uint8)
FILES = {form: encoded(PIXELS, form) for form in ("PNG", "JPEG")}


def test_a_png_gives_its_pixels_channels_first():
    found = _images.pixels(_images.rgb(FILES["PNG"], "x", (9, 6)))
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, PIXELS.transpose(2, 0, 1))


def test_a_jpeg_gives_nearly_its_pixels():
    smooth = np.add.outer(np.arange(32) * 4, np.arange(32) * 3)[:, :, None].repeat(3, axis=2).astype(np.uint8)
    found = _images.pixels(_images.rgb(encoded(smooth, "JPEG"), "x", (32, 32)))
    assert np.abs(found.astype(int) - smooth.transpose(2, 0, 1)).max() <= 8


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_other_modes_become_rgb(mode):
    buffer = io.BytesIO()
    Image.new("RGB", (5, 4), "white").convert(mode).save(buffer, "PNG")
    found = _images.pixels(_images.rgb(buffer.getvalue(), "x"))
    np.testing.assert_array_equal(found, np.full((3, 4, 5), 255))


@pytest.mark.parametrize("form", sorted(FILES))
def test_another_size_is_refused_by_name(form):
    with pytest.raises(OptbenchError, match=r"cat\.png is 9x6 pixels, not 6x9; replace it by an original"):
        _images.rgb(FILES[form], "cat.png", (6, 9))


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(form):
    with pytest.raises(OptbenchError, match=r"x is not an intact image \(no JPEG or PNG\)"):
        _images.rgb(encoded(PIXELS, form), "x")


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_truncated_and_altered_files_give_pixels_or_an_error_of_ours(form, data):
    altered = bytearray(FILES[form])
    del altered[data.draw(st.integers(0, len(altered))) :]
    for _ in range(data.draw(st.integers(0, 3)) if altered else 0):
        altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
    try:
        _images.pixels(_images.rgb(bytes(altered), "cat.png"))
    except OptbenchError as error:
        assert str(error).startswith("cat.png is not an intact image")
        assert "\n" not in str(error)


@given(st.integers(0, len(FILES["PNG"]) // 2))
def test_half_a_png_is_refused(cut):
    with pytest.raises(OptbenchError, match="not an intact image"):
        _images.rgb(FILES["PNG"][:cut], "x")


def test_which_files_are_images():
    names = ["a.jpg", "b/c.JPEG", "d.png", "._a.jpg", "b/.hidden.png", "a.jpg.txt", "jpg", "labels.csv"]
    assert [name for name in names if _images.is_image(name)] == ["a.jpg", "b/c.JPEG", "d.png"]


def test_without_pillow_the_remedy_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **more):
        if name.partition(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(OptbenchError, match=r"Pillow, which is not installed; pip install 'optbench\[images\]'"):
        _images.rgb(FILES["PNG"], "x")
