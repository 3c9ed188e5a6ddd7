import hashlib
import os
import socket
import threading

import pytest

from optbench import __version__
from optbench.datasets._download import MirrorError, download
from optbench.errors import OptbenchError

DATA = bytes(range(256)) * 1000
LIMIT = len(DATA) + 100


def verify(path):
    if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(DATA).digest():
        raise OptbenchError(f"{path.name} is altered")


def fetch(target, *mirrors, **settings):
    urls = [f"{mirror.url}data.gz" for mirror in mirrors]
    download(urls, target, **{"verify": verify, "size_limit": LIMIT, "timeout_s": 5.0} | settings)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "data.gz"


@pytest.fixture
def part(target):
    target.parent.mkdir()
    return target.with_name("data.gz.part")


def ranges(mirror):
    return [asked for _, asked, _ in mirror.requests]


def test_a_file_comes_whole_with_progress_and_our_user_agent(mirror, target):
    mirror.files["data.gz"] = DATA
    seen = []
    fetch(target, mirror, progress=lambda *args: seen.append(args))
    assert target.read_bytes() == DATA
    assert not target.with_name("data.gz.part").exists()
    assert {(name, total) for name, _, total in seen} == {("data.gz", len(DATA))}
    here = [done for _, done, _ in seen]
    assert here == sorted(here)
    assert here[-1] == len(DATA)
    assert mirror.requests == [("/data.gz", None, f"optbench/{__version__}")]


def test_a_part_is_continued(mirror, target, part):
    mirror.files["data.gz"] = DATA
    part.write_bytes(DATA[:1000])
    seen = []
    fetch(target, mirror, progress=lambda *args: seen.append(args))
    assert target.read_bytes() == DATA
    assert ranges(mirror) == ["bytes=1000-"]
    assert min(done for _, done, _ in seen) > 1000
    assert {total for _, _, total in seen} == {len(DATA)}


def test_a_server_that_ignores_ranges_starts_anew(mirror, target, part):
    mirror.files["data.gz"] = DATA
    mirror.ranges = False
    part.write_bytes(DATA[:1000])
    fetch(target, mirror)
    assert target.read_bytes() == DATA
    assert ranges(mirror) == ["bytes=1000-"]


def test_a_whole_part_is_verified_and_kept(mirror, target, part):
    mirror.files["data.gz"] = DATA
    part.write_bytes(DATA)
    fetch(target, mirror)
    assert target.read_bytes() == DATA
    assert ranges(mirror) == [f"bytes={len(DATA)}-"]


@pytest.mark.parametrize("junk", [b"junk" * 10, DATA + b"more", b"x" * LIMIT])
def test_a_corrupt_part_is_fetched_anew(mirror, target, part, junk):
    mirror.files["data.gz"] = DATA
    part.write_bytes(junk)
    fetch(target, mirror)
    assert target.read_bytes() == DATA
    assert ranges(mirror) == [f"bytes={len(junk)}-", None]


def test_an_answer_to_another_range_is_not_appended(mirror, second_mirror, target, part):
    mirror.files["data.gz"] = second_mirror.files["data.gz"] = DATA
    mirror.wrong_range = True
    part.write_bytes(DATA[:1000])
    fetch(target, mirror, second_mirror)
    assert target.read_bytes() == DATA


def test_a_broken_connection_is_resumed(mirror, target):
    mirror.files["data.gz"] = DATA
    mirror.cut = 100_000
    fetch(target, mirror)
    assert target.read_bytes() == DATA
    assert ranges(mirror) == [None, "bytes=100000-", "bytes=200000-"]


def test_what_came_before_a_mirror_failed_is_continued_at_the_next_and_by_the_next_call(mirror, second_mirror, target):
    mirror.files["data.gz"] = second_mirror.files["data.gz"] = DATA
    mirror.cut = second_mirror.cut = 20_000
    with pytest.raises(MirrorError, match=r"the connection closed after 60000 of 256000 bytes; .*after 120000"):
        fetch(target, mirror, second_mirror)
    assert not target.exists()
    second_mirror.cut = None
    fetch(target, second_mirror)
    assert target.read_bytes() == DATA
    assert ranges(second_mirror)[-1] == "bytes=120000-"


def test_mirrors_are_tried_in_turn(mirror, second_mirror, target):
    second_mirror.files["data.gz"] = DATA
    fetch(target, mirror, second_mirror)
    assert target.read_bytes() == DATA
    assert len(mirror.requests) == 1


@pytest.mark.parametrize("sent", [b"", b"not it", DATA[:-1], DATA[:-1] + b"x"])
def test_wrong_bytes_are_never_used_and_the_next_mirror_is_asked(mirror, second_mirror, target, sent):
    mirror.files["data.gz"] = sent
    with pytest.raises(MirrorError, match=r"data\.gz: sent an altered file"):
        fetch(target, mirror)
    assert not target.exists()
    assert not target.with_name("data.gz.part").exists()
    second_mirror.files["data.gz"] = DATA
    fetch(target, mirror, second_mirror)
    assert target.read_bytes() == DATA


def test_no_server_may_send_without_end(mirror, target):
    mirror.files["data.gz"] = DATA * 10
    with pytest.raises(MirrorError, match=f"more than the file's {LIMIT} bytes"):
        fetch(target, mirror)
    assert not target.exists()
    assert target.with_name("data.gz.part").stat().st_size == 0


def test_a_silent_server_is_given_up(mirror, second_mirror, target):
    mirror.silent = threading.Event()
    second_mirror.files["data.gz"] = DATA
    fetch(target, mirror, second_mirror, timeout_s=0.2)
    assert target.read_bytes() == DATA
    target.unlink()
    with pytest.raises(MirrorError, match="no answer in time"):
        fetch(target, mirror, timeout_s=0.2)


def test_a_refused_connection_and_a_missing_file_are_said(mirror, target):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/data.gz"
        with pytest.raises(MirrorError, match=r"Connection refused; .*HTTP 404 Not Found"):
            download([closed, f"{mirror.url}data.gz"], target, verify=verify, size_limit=LIMIT)


def test_two_at_once_download_once(mirror, target):
    mirror.files["data.gz"] = DATA
    threads = [threading.Thread(target=fetch, args=(target, mirror)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() == DATA
    assert len(mirror.requests) == 1


def test_a_cache_that_cannot_be_written_is_the_user_s_error(mirror, tmp_path):
    mirror.files["data.gz"] = DATA
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OptbenchError, match=r"cannot write to the data cache .*file.*XDG_CACHE_HOME"):
        fetch(tmp_path / "file" / "data.gz", mirror)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_full_disk_is_the_user_s_error(mirror, target, part):
    mirror.files["data.gz"] = DATA
    part.symlink_to("/dev/full")
    with pytest.raises(OptbenchError, match=r"cannot write to the data cache .*No space left"):
        fetch(target, mirror)
    assert not target.exists()
