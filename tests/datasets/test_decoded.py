import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optbench.datasets import _decoded
from optbench.datasets._decoded import Decoded
from optbench.errors import OptbenchError

SUM = "ab" * 32


@st.composite
def sets(draw):
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)))
    parts = {}
    for part in ("train", "test"):
        count = draw(st.integers(1, 5))
        parts[part] = draw(hnp.arrays(np.uint8, (count, *shape))), draw(hnp.arrays(np.uint8, count))
    return Decoded(parts, _decoded.measure(parts["train"][0]))


def same(one, other):
    for part in ("train", "test"):
        for mine, theirs in zip(one.parts[part], other.parts[part], strict=True):
            np.testing.assert_array_equal(mine, theirs)
            assert mine.flags.writeable  # torch wants memory that it may write to
    assert one.measured == other.measured


@settings(max_examples=30)
@given(sets())
def test_what_is_packed_comes_back(decoded):
    same(_decoded.unpack(bytearray(_decoded.pack(decoded, SUM)), SUM), decoded)


@settings(max_examples=50)
@given(sets(), st.data())
def test_a_truncated_or_altered_file_is_refused(decoded, data):
    whole = bytearray(_decoded.pack(decoded, SUM))
    at = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(OptbenchError, match="damaged"):
        _decoded.unpack(whole[:at], SUM)
    with pytest.raises(OptbenchError, match="damaged"):
        _decoded.unpack(whole + b"x", SUM)
    whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(OptbenchError, match="damaged"):
        _decoded.unpack(whole, SUM)


@given(st.binary(max_size=100), st.binary(max_size=60))
def test_a_file_that_was_written_wrong_is_refused(header, rest):
    """Its digest is right, and what follows is anything."""
    body = len(header).to_bytes(8, "little") + header + rest
    with pytest.raises(OptbenchError, match="damaged"):
        _decoded.unpack(b"optbench images\n" + hashlib.sha256(body).digest() + body, SUM)


def test_a_file_of_another_source_is_refused():
    images = np.zeros((2, 1, 1, 1), np.uint8)
    packed = _decoded.pack(Decoded(dict.fromkeys(("train", "test"), (images, images[:, 0, 0, 0])), ((0,), (1,))), SUM)
    with pytest.raises(OptbenchError, match="another source"):
        _decoded.unpack(packed, "cd" * 32)


@settings(deadline=None, max_examples=40)
@given(hnp.arrays(np.uint8, st.tuples(*(st.integers(1, n) for n in (2500, 3, 2, 2)))))
def test_mean_and_deviation_are_those_of_all_pixels(images):
    scaled = images.astype(np.float64) / 255
    mean, std = _decoded.measure(images)
    assert mean == pytest.approx(scaled.mean(axis=(0, 2, 3)), abs=1e-12)
    assert std == pytest.approx(scaled.std(axis=(0, 2, 3)), abs=1e-12)


def test_a_file_is_saved_and_loaded_or_made_again(tmp_path):
    images = np.arange(12, dtype=np.uint8).reshape(2, 3, 1, 2)
    decoded = Decoded(dict.fromkeys(("train", "test"), (images, np.array([1, 0], np.uint8))), _decoded.measure(images))
    path = tmp_path / "deep" / "file"
    assert _decoded.load(path, SUM) is None
    _decoded.save(path, decoded, SUM)
    found = _decoded.load(path, SUM)
    assert found is not None
    same(found, Decoded({part: tuple(map(np.copy, arrays)) for part, arrays in decoded.parts.items()}, found.measured))
    path.write_bytes(path.read_bytes()[:-1])
    assert _decoded.load(path, SUM) is None


def test_a_cache_that_cannot_be_written_to_is_no_error(tmp_path):
    images = np.zeros((1, 1, 1, 1), np.uint8)
    decoded = Decoded(dict.fromkeys(("train", "test"), (images, images[0, 0, 0])), ((0.0,), (1.0,)))
    (tmp_path / "file").write_text("in the way")
    _decoded.save(tmp_path / "file" / "below", decoded, SUM)
    assert (tmp_path / "file").read_text() == "in the way"
