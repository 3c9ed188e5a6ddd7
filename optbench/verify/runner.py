"""Runs the checks over the optimizers that were named, several processes side by side."""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from optbench import _spawn, environment
from optbench.errors import InvalidValueError, OptbenchError
from optbench.optimizers import Reference, info, names, parse
from optbench.verify._subject import XGRAD, Effort, Finding, Subject, of_entry
from optbench.verify.report import CHECKS, Verified, VerifyReport

MOST_JOBS = 8
INTERPRET = "TRITON_INTERPRET"
MOST_FROZEN = 8
"""Steps for which an optimizer may stand still: the shortest cases have 10."""
FROZEN = 4
"""What stands for more of them."""
THIRD_PARTY = ("contract", "trains", "state bytes")
"""The checks that need neither a rule nor an oracle; a rule outside optbench has `executors` too."""

Progress = Callable[[float, str], None]
"""progress(how many optimizers are done, what is going on)"""


def everything() -> list[Reference]:
    """Return every registered optimizer, each followed by weight prediction over it where that is defined."""
    texts = []
    for name in names():
        texts.append(name)
        if not getattr(info(name).declaration, "lookahead", False):
            texts.append(f"{XGRAD}{name}")
    return [parse(text) for text in texts]


def default_jobs() -> int:
    """Return how many processes fit this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_JOBS)


def subject_of(reference: Reference) -> Subject:
    """Return what a reference names, its options held fixed in every case.

    Raises:
        OptbenchError: for a class that does not import or cannot be built, or an implementation that is not here.
    """
    fixed, wrapper = reference.split()
    xgrad = wrapper if reference.xgrad else None
    if (entry := reference.entry) is None:
        return replace(_third_party(reference), xgrad=xgrad, fixed=fixed)
    subject = of_entry(entry)
    if entry.path:
        subject = replace(subject, name=entry.path, oracle=None)
        impl = {"impl": fixed.pop("impl")} if "impl" in fixed else {}
        fixed = {**entry.declaration.validate(fixed), **impl}  # `parse` imports nothing, so it cannot
    chosen = fixed.pop("impl", "auto")
    if chosen == "cuda":
        raise OptbenchError("verify holds cuda against eager where there is a GPU", "leave impl=cuda out")
    if chosen != "auto":
        subject = replace(subject, implementations=(str(chosen),))
    subject = replace(subject, xgrad=xgrad, **_shortened(fixed))
    able = tuple(impl for impl in subject.implementations if _builds(subject, impl))
    return replace(subject, implementations=able)


def _shortened(fixed: dict[str, Any]) -> dict[str, Any]:
    """Return `fixed` and `instead` of a subject: a start at which nothing moves must not outlast a case."""
    if (steps := fixed.get("warm_steps", 0)) <= MOST_FROZEN:
        return {"fixed": fixed}
    return {"fixed": {**fixed, "warm_steps": FROZEN}, "instead": f"all cases have warm_steps={FROZEN} for {steps}"}


def _builds(subject: Subject, impl: str) -> bool:
    """Make it over one parameter: what it refuses is the user's mistake, and is told before anything runs.

    Of a variant that torch's class does not have, the other implementations are verified.
    """
    import torch

    try:
        subject.optimizer([torch.nn.Parameter(torch.zeros(1))], impl)
    except InvalidValueError:
        if impl == "torch" and len(subject.implementations) > 1:
            return False
        raise
    return True


def _third_party(reference: Reference) -> Subject:
    import torch

    from optbench.optimizers import XGrad, create

    def build(params: Any, impl: str = "", xgrad: Mapping[str, Any] | None = None, **options: Any) -> Any:
        optimizer = create(Reference(reference.name, reference.name, False, tuple(options.items())), params)
        return optimizer if xgrad is None else XGrad(optimizer, **xgrad)

    with contextlib.redirect_stdout(sys.stderr):  # some classes print when they are made
        create(reference, [torch.nn.Parameter(torch.zeros(1))])
    return Subject(reference.name, None, build, None, ())


def run(
    references: Sequence[Reference] = (), effort: Effort | None = None, jobs: int = 1, progress: Progress | None = None
) -> VerifyReport:
    """Verify the optimizers that are named, or all of them.

    Args:
        references: what to verify; every registered optimizer, by itself and under XGrad, if empty.
        effort: how much is tried.
        jobs: processes side by side.
        progress: told how many optimizers are done.

    Raises:
        OptbenchError: as `subject_of`, and for jobs < 1.
    """
    effort = effort or Effort()
    if jobs < 1:
        raise OptbenchError(f"jobs {jobs}: must be a whole number of at least 1", "give another --jobs")
    began = time.perf_counter()
    for reference in references:
        subject_of(reference)  # mistakes first
    chosen = list(dict.fromkeys(references)) or everything()
    tell = progress or (lambda done, text: None)
    alone = (jobs == 1 or len(chosen) == 1) and not _needs_interpreter()
    each = _here if alone else _side_by_side
    found = dict(each(chosen, effort, jobs, tell))
    verified = tuple(found[reference.text] for reference in chosen)
    settings = {"seed": effort.seed, "quick": effort.quick}
    surroundings = {"versions": environment.versions(), "machine": environment.machine()}
    return VerifyReport(verified, settings, surroundings, time.perf_counter() - began)


def verify(subject: Subject, effort: Effort, title: str = "", tell: Callable[[str], None] | None = None) -> Verified:
    """Run every check of one subject, in this process."""
    began = time.perf_counter()
    findings: list[Finding] = []
    for name in _checks_of(subject):
        if tell:
            tell(name)
        findings += _findings(subject, name, effort)
    if subject.instead:
        findings.append(Finding.not_run("trains", "the reference as it stands", subject.instead))
    return Verified(title or subject.title, tuple(findings), time.perf_counter() - began)


def _checks_of(subject: Subject) -> Sequence[str]:
    """Return the checks that a subject can have: without an oracle nothing says what the right step is."""
    if subject.oracle is not None:
        return CHECKS
    return [name for name in CHECKS if name in THIRD_PARTY or (name == "executors" and subject.rule)]


def _findings(subject: Subject, name: str, effort: Effort) -> Iterator[Finding]:
    """Yield a check's findings; an exception that ends it is one, because the code under test may raise anything."""
    from optbench.verify.checks import CHECKS as FUNCTIONS

    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):  # third parties warn and print
        warnings.simplefilter("ignore")
        try:
            yield from FUNCTIONS[name](subject, effort)
        except Exception as error:
            message = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            yield Finding(name, "the check ended early", False, message=message)


def _here(references: Sequence[Reference], effort: Effort, jobs: int, tell: Progress) -> Iterator[tuple[str, Verified]]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for done, reference in enumerate(references):

        def told(check: str, done: int = done, text: str = reference.text) -> None:
            tell(done + CHECKS.index(check) / len(CHECKS), f"{text}: {check}")

        yield reference.text, verify(subject_of(reference), effort, reference.text, told)
        tell(done + 1, "")
    torch.set_num_threads(threads)


def _side_by_side(
    references: Sequence[Reference], effort: Effort, jobs: int, tell: Progress
) -> Iterator[tuple[str, Verified]]:
    context = multiprocessing.get_context("spawn")  # a fork would share torch's and Numba's threads
    with (
        _interpreter_for_children(),
        ProcessPoolExecutor(min(jobs, len(references)), context, initializer=_start_worker) as pool,
    ):
        with _spawn.hidden_main():
            waiting = {pool.submit(_work, reference, effort): reference for reference in references}
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                yield waiting[future].text, future.result()
                tell(done, f"{waiting[future].text} done")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _work(reference: Reference, effort: Effort) -> Verified:
    return verify(subject_of(reference), effort, reference.text)


def _start_worker() -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends us
    torch.set_num_threads(1)  # the tensors are small


def _needs_interpreter() -> bool:
    """Tell whether there is Triton but no GPU: then its interpreter can run the cuda executor's kernels."""
    from optbench.optimizers._executors import _cuda_support

    return find_spec("triton") is not None and _cuda_support.missing() is not None


@contextlib.contextmanager
def _interpreter_for_children() -> Iterator[None]:
    """Let the processes that are started meanwhile interpret kernels; Triton asks when it is imported, so not here."""
    if not _needs_interpreter():
        yield
        return
    os.environ[INTERPRET] = "1"
    try:
        yield
    finally:
        del os.environ[INTERPRET]
