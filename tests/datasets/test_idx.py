import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optbench.datasets import idx
from optbench.errors import OptbenchError

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}

arrays = st.sampled_from(sorted(CODES)).flatmap(
    lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5))
)


def encode(values: np.ndarray) -> bytes:
    header = bytes([0, 0, CODES[values.dtype.name], values.ndim])
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return header + sizes + values.astype(values.dtype.newbyteorder(">")).tobytes()


@given(arrays)
def test_every_type_and_shape_comes_back(values):
    found = idx.parse(encode(values), "x")
    assert found.dtype == values.dtype
    assert found.dtype.isnative
    assert found.flags.writeable
    np.testing.assert_array_equal(found, values)


def test_a_file_written_out_by_hand():
    data = bytes.fromhex("00000803 00000002 00000001 00000003") + bytes([1, 2, 3, 4, 5, 255])
    assert idx.parse(data, "x").tolist() == [[[1, 2, 3]], [[4, 5, 255]]]
    assert idx.parse(bytes.fromhex("00000b01 00000002 0102 fffe"), "x").tolist() == [258, -2]


@given(arrays, st.data())
def test_a_truncated_file_is_refused_by_name(values, data):
    whole = encode(values)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(OptbenchError, match="train-images"):
        idx.parse(whole[:cut], "train-images")


@given(arrays, st.binary(min_size=1, max_size=9))
def test_bytes_after_the_end_are_refused(values, more):
    with pytest.raises(OptbenchError, match="after its end"):
        idx.parse(encode(values) + more, "x")


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\0\0\x08" + tail))
def test_any_bytes_give_an_array_or_an_error_of_ours(data):
    with contextlib.suppress(OptbenchError):
        assert idx.parse(data, "x").size > 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "nothing"),
        (b"\x1f\x8b\x08\x00aaaa", "1f8b0800"),
        (b"\0\0\x07\x01\0\0\0\x01a", "type byte 0x07"),
        (b"\0\0\x08\x00", "0 dimensions"),
        (b"\0\0\x08\xff" + b"\0\0\0\x01" * 255 + b"a", "255 dimensions"),
        (b"\0\0\x08\x01\0\0\0\0", "no values"),
        (b"\0\0\x0e\x03" + b"\xff" * 12, "truncated"),  # 2^96 values: must not be allocated
        (b"\x80\x04\x95.", "no IDX file"),  # a pickle
    ],
)
def test_what_is_wrong_is_said(data, message):
    with pytest.raises(OptbenchError, match=message):
        idx.parse(data, "x")
