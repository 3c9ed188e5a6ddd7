"""`optbench show` and `list` know the papers, their tables and the recipes that reproduce them."""

import pytest
from click.testing import CliRunner

from optbench import published, recipe
from optbench.cli import main


def output(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", published.names())
def test_a_papers_page_lists_every_table_and_its_recipes(name: str) -> None:
    text = output("show", "paper", name)
    paper = published.paper(name)
    assert text.startswith(f"paper {name}: {paper.title}")
    assert paper.arxiv in text
    for table in paper.tables:
        (line,) = (line for line in text.splitlines() if f" {table} " in line)
        recipes = recipe.reproducing(name).get(table, [])
        assert line.endswith("–") == (not recipes)
        assert all(name.partition("-")[0] in line for name in recipes)


def test_the_wrapper_and_the_paper_of_one_name_are_shown_together_or_apart() -> None:
    both = output("show", "xgrad")
    assert both.startswith("wrapper xgrad")
    assert "\npaper xgrad: XGrad: Boosting" in both
    assert "Table VII" in both
    assert "xgrad/table7-lenet" in both
    assert "xgrad/control-restore" in both
    assert "paper xgrad" not in output("show", "optimizer", "xgrad")
    assert output("show", "paper", "xgrad").startswith("paper xgrad")


def test_a_recipe_says_what_it_reproduces_and_how_it_trains() -> None:
    text = output("show", "novograd/table3-32k")
    assert "novograd: table3_top1, table3_top5, table2, ResNet-50v2" in text
    assert "32768 in 256 micro-batches" in text
    assert "cosine, by iteration" in text
    assert "schedule multistep, x 0.1 after epochs 30, 60, 80, warm-up of 200 iterations" in text
    assert output("show", "fashion-lenet") == output("show", "xgrad/table7-lenet")


def test_papers_and_aliases_are_listed() -> None:
    assert [line.split()[0] for line in output("list", "papers").splitlines()] == published.names()
    (line,) = output("list", "recipes", "fashion-*").splitlines()
    assert line.split(maxsplit=1)[1] == "another name of xgrad/table7-lenet"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("paper", "xgrd"), "no paper is called 'xgrd'; did you mean 'xgrad'?"),
        (("papers", "xgrad"), "unknown kind 'papers'; did you mean 'paper'?"),
        (("a", "b", "c"), "'a b c' is more than a kind and a name"),
        (("nothing",), "no optimizer, recipe, dataset, model or paper is called 'nothing'"),
    ],
)
def test_mistakes_are_told(arguments: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(main, ["show", *arguments])
    assert done.exit_code == 2
    assert words in done.stderr
