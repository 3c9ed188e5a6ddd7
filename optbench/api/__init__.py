"""optbench from Python: the few functions that `import optbench` offers, each of them a command without its text.

    import optbench
    found = optbench.compare("digits-cnn", ["adaplus", MyOptimizer], seeds=3, cost=False)
    print(found.table())
    found.save("report.html")

Optimizers are references (`"xgrad+adamw:s=2"`), Optimizer classes, or pairs of one of those and a dict of options. What
is wrong raises `OptbenchError`, in one line. Nothing is printed unless `progress=True`, and worker processes never
import the script or the notebook that called, so that no ``if __name__ == "__main__"`` is needed.
"""

from optbench.api._compared import Compared
from optbench.api._lists import check, list_optimizers, list_recipes
from optbench.api._running import compare, costs, run
from optbench.errors import OptbenchError

__all__ = ["Compared", "OptbenchError", "check", "compare", "costs", "list_optimizers", "list_recipes", "run"]
