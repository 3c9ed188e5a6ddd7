"""`optbench data`, with data sets made of nothing but a few bytes, and the published ones where they are."""

import json
import tarfile

import pytest
from click.testing import CliRunner
from making_images import member, tar, write

from optbench import datasets
from optbench.cli import main


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))


def call(*args):
    return CliRunner().invoke(main, ["data", *map(str, args)], catch_exceptions=False)


def test_the_list_names_every_data_set_and_where_it_is():
    done = call("list")
    assert done.exit_code == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines()[1:]}
    assert list(lines) == datasets.names()
    assert lines["digits"].split(maxsplit=2)[1:] == ["verified", "embedded in optbench"]
    assert " ".join(lines["cifar10"].split()) == "cifar10 not here optbench data fetch cifar10"


def test_the_list_as_json(tmp_path):
    write(tmp_path, {"cifar10-png.tgz": b"x"})
    done = call("list", "--format", "json", "--data-root", tmp_path)
    found = json.loads(done.stdout)
    assert found["schema"] == "optbench.data/1"
    by_name = {each.pop("name"): each for each in found["datasets"]}
    assert list(by_name) == datasets.names()
    assert by_name["digits"] == {
        "status": "verified",
        "detail": "embedded in optbench",
        "place": "",
        "variant": "",
        "exact": True,
        "sha256": datasets.info("digits").checksum,
        "published_sha256": datasets.info("digits").checksum,
    }
    assert by_name["cifar10"]["status"] == "damaged"
    assert by_name["cifar10"]["detail"].startswith(f"{tmp_path / 'cifar10-png.tgz'} is truncated or altered (")
    assert by_name["cifar100"]["status"] == "not here"
    assert by_name["cifar100"]["sha256"] is None


@pytest.mark.parametrize(
    "bad",
    [member("../evil", b"x"), member("/evil", b"x"), member("train/cat/x.jpg", type=tarfile.SYMTYPE, linkname="/etc")],
)
@pytest.mark.parametrize("name", ["cifar-10-binary.tar.gz", "cifar10-jpeg.tar.gz"])
def test_an_archive_that_is_not_safe_is_refused_in_one_line(tmp_path, bad, name):
    root = write(tmp_path / "root", {name: tar([bad])})
    done = call("fetch", "cifar10", "--data-root", root)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: the archive {root / name} holds '{bad[0].name}', which ")
    assert sorted(path.name for path in tmp_path.rglob("*")) == [name, "root"]


def test_fetching_what_is_here_says_where_it_is():
    done = call("fetch", "digits")
    assert done.exit_code == 0
    facts = datasets.info("digits")
    assert done.stdout == f"digits: embedded in optbench, sha256 {facts.checksum}\n  licence: {facts.licence}\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["fetch", "digits", "cifar1"], ["unknown dataset 'cifar1'", "did you mean 'cifar10'?"]),
        (["fetch"], ["NAME...", "--help"]),
        (["fetch", "imagenet"], ["imagenet", "https://image-net.org", "--data-root"]),
        (["list", "--data-root", "/none/such"], ["/none/such", "does not exist"]),
        (["fetch", "digits", "mnist", "--data-root", "/none/such"], ["/none/such", "does not exist"]),
        (["lst"], ["lst", "list"]),
    ],
)
def test_mistakes_are_told_in_one_line(args, words):
    done = call(*args)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line
