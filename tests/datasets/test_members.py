import gzip
import tarfile
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making_images import member, tar, tar_of, write

from optbench.datasets._members import Limits, files, members
from optbench.errors import OptbenchError

LIMITS = Limits(files=10, file_bytes=1000, bytes=5000)
CONTENTS = {"a/one.bin": b"1" * 700, "a/two.bin": b"2" * 30, "b/empty": b"", "b/" + "long" * 50: b"3"}


def everything(name):
    return True


def read(place, limits=LIMITS, wanted=everything):
    return dict(members(place, limits, wanted))


def archive(folder, data, name="x.tar.gz"):
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize(("mode", "name"), [("w", "x.tar"), ("w:gz", "x.tar.gz"), ("w:gz", "x.tgz")])
def test_an_archive_gives_what_is_in_it_and_writes_nothing(tmp_path, mode, name):
    place = archive(tmp_path, tar_of(CONTENTS, mode), name)
    assert read(place) == CONTENTS
    assert list(tmp_path.iterdir()) == [place]


def test_a_folder_gives_its_files_in_order(tmp_path):
    write(tmp_path, CONTENTS)
    assert list(read(tmp_path)) == sorted(CONTENTS)
    assert read(tmp_path) == CONTENTS
    assert files(tmp_path, lambda name: name.startswith("a/")) == ["a/one.bin", "a/two.bin"]


def test_only_what_is_wanted_is_given(tmp_path):
    for place in (write(tmp_path / "folder", CONTENTS), archive(tmp_path, tar_of(CONTENTS))):
        assert read(place, wanted=lambda name: name.endswith("two.bin")) == {"a/two.bin": CONTENTS["a/two.bin"]}


def test_names_lose_what_says_here(tmp_path):
    parts = [member("./", type=tarfile.DIRTYPE), member("./a", type=tarfile.DIRTYPE), member("./a/./b", b"x")]
    assert read(archive(tmp_path, tar(parts))) == {"a/b": b"x"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("../x", b"1"), "'../x', which leads out of it"),
        (member("a/../../x", b"1"), "leads out of it"),
        (member("/etc/x", b"1"), "'/etc/x', which leads out of it"),
        (member("C:/x", b"1"), "leads out of it"),
        (member("a\\..\\x", b"1"), "leads out of it"),
        (member("../d", type=tarfile.DIRTYPE), "leads out of it"),
        (member("x", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "'x', which is a link"),
        (member("x", type=tarfile.SYMTYPE, linkname="a/one.bin"), "which is a link"),
        (member("x", type=tarfile.LNKTYPE, linkname="a/one.bin"), "which is a link"),
        (member("x", type=tarfile.FIFOTYPE), "which is no plain file"),
        (member("x", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "which is no plain file"),
        (member("x", type=tarfile.BLKTYPE), "which is no plain file"),
        (member("a/one.bin", b"other"), "'a/one.bin' twice"),
        (member("./a/one.bin", b"other"), "'a/one.bin' twice"),
    ],
)
def test_an_archive_that_is_not_safe_is_refused_in_a_line(tmp_path, bad, reason):
    place = archive(tmp_path, tar([member("a/one.bin", b"1"), bad]))
    with pytest.raises(OptbenchError, match="it is refused; get it from a source that you trust") as caught:
        read(place, wanted=lambda name: False)  # though nobody asks for the member
    assert reason in str(caught.value)
    assert str(place) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize(
    ("contents", "what"),
    [
        ({"big": b"x" * 1001}, "1001 bytes"),
        ({str(number): b"" for number in range(11)}, "files"),
    ],
)
def test_too_much_is_refused(tmp_path, folder, contents, what):
    place = write(tmp_path / "f", contents) if folder else archive(tmp_path, tar_of(contents))
    with pytest.raises(OptbenchError, match=f"{what}, more than this data set can have"):
        read(place)


def bombs():
    yield gzip.compress(b"\0" * 5_000_000)  # zeros are an end of the archive
    yield tar_of({"x": b"1"}, "w")[:1024] + b"\0" * 5_000_000
    yield gzip.compress(member("x", b"1" * 5_000_000)[0].tobuf() + b"1" * 5_000_000)
    info, _ = member("x", b"1")
    info.pax_headers = {"comment": "a" * 5_000_000}  # a header as large as a film
    yield tar([(info, b"1")])
    yield tar_of({str(number): b"x" * 900 for number in range(9)})


@pytest.mark.parametrize("bomb", list(bombs()), ids=["gzip", "tar", "member", "header", "total"])
def test_a_bomb_is_not_expanded(tmp_path, bomb):
    place = archive(tmp_path, bomb)
    tracemalloc.start()
    try:
        found = read(place, Limits(10, 1000, 2000))
        assert sum(map(len, found.values())) <= 1
    except OptbenchError as error:
        assert "more than this data set can have" in str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1_000_000


def outcome(data):
    with TemporaryDirectory() as folder:
        try:
            return read(archive(Path(folder), data))
        except OptbenchError as error:
            assert "\n" not in str(error).strip()
            return None


WHOLE = {mode: tar_of(CONTENTS, mode) for mode in ("w", "w:gz")}


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_a_truncated_archive_gives_an_error_or_part_of_the_same(mode, data):
    found = outcome(WHOLE[mode][: data.draw(st.integers(0, len(WHOLE[mode]) - 1))])
    assert found is None or found.items() <= CONTENTS.items()


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_an_altered_archive_gives_files_or_an_error_of_ours(mode, data):
    altered = bytearray(WHOLE[mode])
    for _ in range(data.draw(st.integers(1, 3))):
        altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
    outcome(bytes(altered))


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=1500) | st.binary(max_size=300).map(lambda tail: b"\x1f\x8b\x08\0" + tail))
def test_any_bytes_give_an_error_of_ours_or_nothing(data):
    assert not outcome(data)


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(OptbenchError, match=r"gone\.tar cannot be read"):
        read(tmp_path / "gone.tar")
