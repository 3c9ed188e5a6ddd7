"""Every mistake of a user: exit status 2, one line that names the value and what to do, no traceback."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import CHECKOUT, TINY, call, run

COMPARE = ("compare", "tiny.toml", "--no-cost", "--epochs", "1", "--seeds", "1", "--optims")


def one_line(result, *words: str) -> str:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line
    return line


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["compare", "--optims", "adaplu"], ["adaplu", "did you mean 'adaplus'?"]),
        (["compare", "digits-cn"], ["digits-cn", "did you mean 'digits-cnn'?"]),
        (["compare", "none-of-these"], ["none-of-these", "optbench list recipes"]),
        (["compare", "gone.toml"], ["gone.toml", "optbench list recipes"]),
        (["train", "digits-cn", "--optim", "adamw"], ["digits-cn", "did you mean 'digits-cnn'?"]),
        (["compare", "--optims", "adamw:momentun=0.9"], ["momentun"]),
        (["compare", "--optims", "sgdm:momentun=0.9"], ["momentun", "did you mean 'momentum'?"]),
        (["compare", "--optims", "adamw:lr=-1"], ["lr=-1", ">= 0"]),
        (["compare", "--optims", "adamw:betas=1.5/0.9"], ["betas=1.5/0.9", "[0, 1)"]),
        (["compare", "--optims", "adamw:betas=1.5"], ["betas=1.5"]),
        (["compare", "--optims", "xgrad+adamw:s=-1"], ["s=-1", ">= 0"]),
        (["compare", "--optims", "xgrd+adamw"], ["xgrd", "did you mean 'xgrad'?"]),
        (["compare", "--optims", "adamw:lr"], ["'lr'", "key=value"]),
        (["compare", "--optims", "adamw:lr=a lot"], ["lr=a lot"]),
        (["compare", "--optims", "adamw(lr=1)"], ["adamw(lr=1)", "NAME[:key=value]"]),
        (["compare", "--optims", "adamw,,sgd"], ["adamw,,sgd"]),
        (["compare", "--optims", ""], ["empty"]),
        (["compare", "--optims", "adamw:impl=gpu"], ["impl=gpu", "eager"]),
        (["compare", "--baselines", "sdgm"], ["sdgm", "did you mean 'sgdm'?"]),
        (["compare", "--seeds", "0"], ["--seeds", "0", "x>=1"]),
        (["compare", "--epochs", "none"], ["--epochs", "none", "integer"]),
        (["compare", "--jobs", "0"], ["--jobs", "0"]),
        (["compare", "--device", "tpu"], ["tpu", "cpu"]),
        (["compare", "--cost-precision", "2"], ["--cost-precision", "'2'", "2%"]),
        (["compare", "--cost-precision", "0%"], ["--cost-precision", "'0%'", "2%"]),
        (["compare", "--cost-precision", "nan"], ["--cost-precision", "'nan'", "2%"]),
        (["compare", "--cost-precision", "two"], ["--cost-precision", "'two'", "2%"]),
        (["compare", "--cost-budget", "0"], ["--cost-budget", "'0'", "above 0"]),
        (["compare", "--cost-budget", "-1"], ["--cost-budget", "'-1'", "above 0"]),
        (["compare", "--cost-budget", "inf"], ["--cost-budget", "'inf'", "above 0"]),
        (["compare", "--cost-budget", "1 minute"], ["--cost-budget", "'1 minute'", "seconds"]),
        (["compare", "--cost-only", "--no-cost"], ["--cost-only", "--no-cost", "leave one out"]),
        (["compare", "--synthetic", "--no-cost"], ["--synthetic", "--no-cost", "leave one out"]),
        (["compare", "--aa", "--no-cost"], ["--aa", "--no-cost", "leave one out"]),
        (["compare", "--no-cost", "--cost-budget", "9"], ["--cost-budget", "--no-cost", "leave one out"]),
        (["compare", "--cost-only", "--seeds", "3"], ["--seeds", "--cost-only", "trains nothing"]),
        (["compare", "--synthetic", "--epochs", "3"], ["--epochs", "--synthetic", "trains nothing"]),
        (["compare", "--cost-only", "--jobs", "2"], ["--jobs", "--cost-only", "trains nothing"]),
        (["compare", "--cost-only", "--target", "97%"], ["--target", "--cost-only", "trains nothing"]),
        (["compare", "--aa", "--cost-only", "--baselines", "none"], ["--aa", "--baselines"]),
        (["compare", "digits-cnn,", "--cost-only"], ["'digits-cnn,'", "NAME,NAME"]),
        (["compare", "digits-cnn,fashion-lene", "--cost-only"], ["fashion-lene", "did you mean 'fashion-lenet'?"]),
        (["compare", "digits-cnn,fashion-lenet", "--save", "x"], ["--save", "digits-cnn,fashion-lenet"]),
        (["compare", "--precision", "fp8"], ["fp8", "bf16"]),
        (["compare", "--format", "xml"], ["xml", "markdown"]),
        (["compare", "--optim", "adaplus"], ["--optim", "--optims"]),
        (["compare", "digits-cnn", "fashion-lenet"], ["fashion-lenet", "--help"]),
        (["train", "digits-cnn"], ["--optim", "--help"]),
        (["train", "digits-cnn", "--optim", "adamw,sgd"], ["adamw,sgd", "optbench compare"]),
        (["train", "digits-cnn", "--optim", "adamw", "--seed", "-1"], ["--seed", "-1"]),
        (["show", "adaplu"], ["adaplu", "did you mean 'adaplus'?"]),
        (["show", "fashion-mnis"], ["fashion-mnis", "did you mean 'fashion-mnist'?"]),
        (["list", "optimizer"], ["optimizer", "did you mean 'optimizers'?"]),
        (["list", "optimisers", "a*"], ["optimisers", "did you mean 'optimizers'?"]),
        (["list", "optimizers", "zzz*"], ["zzz*", "optbench list"]),
        (["comprae"], ["comprae", "did you mean 'compare'?"]),
        (["--nope"], ["--nope", "optbench --help"]),
    ],
    ids=lambda value: " ".join(value) if value and value[0] in ("compare", "train", "show", "list") else "",
)
def test_a_wrong_word_or_number(folder: Path, args: list[str], words: list[str]) -> None:
    one_line(call(*args), *words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.to_be.Found", ["nowhere.to_be.Found", "No module named"]),
        ("mine.Missing", ["'Missing'", "mine"]),
        ("mine.NotAnOptimizer", ["mine.NotAnOptimizer"]),
        ("mine.number", ["mine.number"]),
        ("mine.Broken", ["mine.Broken", "out of luck"]),
        ("torch.optim.Adam:lr=-1", ["torch.optim.Adam", "-1"]),
        ("torch.optim.Adam:leraning_rate=1", ["leraning_rate"]),
        ("broken_module.Optimizer", ["broken_module"]),
    ],
)
def test_a_class_that_is_no_optimizer(folder: Path, name: str, words: list[str]) -> None:
    (folder / "mine.py").write_text(
        "import torch\n\nnumber = 3\n\n\nclass NotAnOptimizer:\n    pass\n\n\n"
        "class Broken(torch.optim.Optimizer):\n"
        "    def __init__(self, params):\n        raise ValueError('out of luck')\n"
    )
    (folder / "broken_module.py").write_text("this is not Python\n")
    one_line(call(*COMPARE, name), *words)


def test_an_unknown_key_of_a_recipe_names_file_and_key(folder: Path) -> None:
    (folder / "tiny.toml").write_text(TINY.replace("epochs = 2", "epohcs = 2"))
    one_line(call(*COMPARE, "adamw"), "tiny.toml", "epohcs", "did you mean 'epochs'?")


def test_an_unknown_dataset_of_a_recipe(folder: Path) -> None:
    (folder / "tiny.toml").write_text(TINY.replace('"digits"', '"digit"'))
    one_line(call(*COMPARE, "adamw"), "tiny.toml", "digit", "did you mean 'digits'?")


def test_a_recipe_that_is_not_toml(folder: Path) -> None:
    (folder / "tiny.toml").write_text("epochs 2")
    one_line(call(*COMPARE, "adamw"), "tiny.toml", "TOML")


def test_data_that_cannot_be_had(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has no network (its proxy is a closed port of this machine), and no file is anywhere."""
    (folder / "tiny.toml").write_text(TINY.replace('"digits"', '"mnist"').replace('"digits-cnn"', '"lenet"'))
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    found = run(*COMPARE, "adamw", cwd=folder, env={**closed, "no_proxy": "", "XDG_CACHE_HOME": str(folder / "cache")})
    assert found.returncode == 2, found.stderr
    assert found.stdout == ""
    (line,) = [line for line in found.stderr.splitlines() if line.startswith("error: ")]
    assert "mnist" in line
    assert "OPTBENCH_DATA" in line or "--data-root" in line
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b no gzip", gzip.compress(b"\0\0\x08\x03")], ids=["empty", "no gzip", "too short"]
)
def test_a_corrupt_data_file_is_refused_by_name(folder: Path, content: bytes) -> None:
    (folder / "tiny.toml").write_text(TINY.replace('"digits"', '"mnist"').replace('"digits-cnn"', '"lenet"'))
    names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"]
    for name in names:
        (folder / f"{name}-ubyte.gz").write_bytes(content)
    line = one_line(call(*COMPARE, "adamw", "--data-root", folder, "-q"))
    assert any(name in line for name in names)


def test_a_run_directory_of_another_schema(folder: Path) -> None:
    call("train", "tiny.toml", "--optim", "sgdm:impl=torch")
    marker = folder / ".optbench" / "store.json"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "schema": "optbench.store/999"}))
    one_line(call(*COMPARE, "adamw"), "optbench.store/999")


def test_a_run_directory_that_is_something_else(folder: Path) -> None:
    one_line(call(*COMPARE, "adamw", "--runs", folder), str(folder))
    (folder / "file").touch()
    one_line(call(*COMPARE, "adamw", "--runs", folder / "file"), "file", "--runs")


def test_no_permission_to_write(folder: Path) -> None:
    if os.geteuid() == 0:  # root may write anywhere but in the kernel's file systems
        one_line(call(*COMPARE, "adamw", "--runs", "/proc/optbench"), "/proc/optbench", "--runs")
        return
    folder.chmod(0o500)
    one_line(call(*COMPARE, "adamw"), ".optbench", "--runs")


def test_a_disk_that_fills_up_leaves_the_store_readable(folder: Path) -> None:
    """A limit on the size of a file stands for a full disk: the small files fit, a checkpoint does not."""
    full = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from optbench.cli import main; main()"
    )
    command = ["train", "tiny.toml", "--optim", "sgdm", "-q", "--format", "json"]
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    failed = subprocess.run([sys.executable, "-c", full, *command], env=env, capture_output=True, text=True)
    assert failed.returncode == 2, failed.stderr
    (line,) = failed.stderr.splitlines()
    assert line.startswith("error: ")
    assert str(Path(".optbench")) in line
    done = call(*command)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["status"] == "ok"
