"""Names the published variant that an optimizer is: `optbench verify my_package.MyRAdam --as radam`.

RAdam, NAdam or LAMB are not one algorithm each: libraries differ in thresholds, in what happens below them, in where
eps and the weight decay stand, in bias correction and first steps. Each algorithm is written down once in float64
(`_adaptive`, `_plain`, `_layerwise`), with those differences as keywords; an experiment in which all of them show
(decay, a schedule, tiny and huge gradients, beta2 = 0.9) is run with the class and with every combination.
"""

import contextlib
import inspect
import sys
from typing import Any

from optbench.errors import OptbenchError, nearest
from optbench.verify.fingerprint._algorithm import Algorithm
from optbench.verify.fingerprint._published_adam import ALGORITHMS as ADAM
from optbench.verify.fingerprint._published_further import ALGORITHMS as FURTHER
from optbench.verify.fingerprint._published_layerwise import ALGORITHMS as LAYERWISE
from optbench.verify.fingerprint._published_moments import ALGORITHMS as MOMENTS
from optbench.verify.fingerprint._published_rest import ALGORITHMS as REST
from optbench.verify.fingerprint._report import FingerprintReport

ALGORITHMS = (*ADAM, *MOMENTS, *FURTHER, *LAYERWISE, *REST)

__all__ = ["FingerprintReport", "algorithm", "names", "run"]


def names() -> list[str]:
    """Return the algorithms whose variants are known."""
    return sorted(name for one in ALGORITHMS for name in one.names)


def algorithm(name: str) -> Algorithm:
    """Return an algorithm with its variants.

    Raises:
        OptbenchError: for one whose variants are not known.
    """
    for one in ALGORITHMS:
        if name in one.names:
            return one
    hint = nearest(name, names()) or f"known are {', '.join(names())}"
    raise OptbenchError(f"no published variants of '{name}' are known", hint)


def run(optimizer: Any, name: str) -> FingerprintReport:
    """Hold an optimizer's trajectory against every published variant of an algorithm.

    Args:
        optimizer: a subclass of `torch.optim.Optimizer`, a `Reference`, or its text: an import path or a registered
            name, with keywords (`my_package.MyRAdam:rectify=true`).
        name: of the algorithm: `radam`.

    Raises:
        OptbenchError: for an unknown algorithm or class, or one that cannot be built or run.
    """
    from optbench.verify.fingerprint import _experiment as experiment
    from optbench.verify.fingerprint._compare import compare

    against = algorithm(name)
    title, build, keywords, options = _subject(optimizer)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # some classes print when they are made
            one, parameters, hyper = experiment.assemble(build, keywords, options, against)
            went = experiment.follow(one, parameters, hyper["lr"])
    except OptbenchError:
        raise
    except Exception as error:  # a third party's code may raise anything
        raise OptbenchError(f"{title} fails: {type(error).__name__}: {error}", "mend the class") from error
    return compare(title, name, against, went, hyper)


def _subject(optimizer: Any) -> tuple[str, Any, dict[str, Any], dict[str, Any]]:
    """Return title, builder, keywords with their defaults, and the user's options."""
    from optbench.optimizers import create, info, parse
    from optbench.optimizers._create import imported_class

    if inspect.isclass(optimizer):
        return f"{optimizer.__module__}.{optimizer.__qualname__}", optimizer, _keywords(optimizer), {}
    reference = parse(optimizer) if isinstance(optimizer, str) else optimizer
    if reference.xgrad:
        raise OptbenchError(f"'{reference.text}' is weight prediction over a base", "name the base alone")
    options = dict(reference.options)
    if reference.is_import_path:
        cls = imported_class(reference.name)
        return reference.text, cls, _keywords(cls), options
    impl = (
        {"impl": options.pop("impl")} if "impl" in options else {"impl": "eager"} if info(reference.name).rule else {}
    )

    def build(params: Any, **given: Any) -> Any:
        return create(reference.name, params, **impl, **given)

    return reference.text, build, info(reference.name).declaration.defaults(), options


def _keywords(cls: type) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}
