"""Verifies one mutant after the other until a check fails: the cheap checks first, in the eager executor."""

import contextlib
import multiprocessing
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch

import optbench.optimizers
from optbench import _spawn
from optbench.optimizers import info
from optbench.verify._subject import XGRAD, Effort, Finding, Subject, of_entry
from optbench.verify.checks import CHECKS
from optbench.verify.mutants import _equivalent
from optbench.verify.mutants._build import faulty_entry, planted
from optbench.verify.mutants._generated import generated
from optbench.verify.mutants._mutant import Mutant
from optbench.verify.mutants._plant import mutants_of
from optbench.verify.mutants._planted_adaptive import IN_ADAPTIVE
from optbench.verify.mutants._planted_engine import IN_ENGINE
from optbench.verify.mutants._planted_further import IN_FURTHER
from optbench.verify.mutants._report import CAUGHT, EQUIVALENT, MISSED, Verdict

__all__ = ["each", "generated", "planted_by_hand", "unsound"]

T = TypeVar("T")
R = TypeVar("R")

OPTIMIZERS = Path(optbench.optimizers.__file__).parent

LEFT_OUT = ("trains", "executors")
"""Checks that say little about a single fault: a wrong optimizer often trains, and only `eager` runs here."""

QUICK, THOROUGH = Effort.small(), Effort(steps=12, samples=4)


def judge(mutant: Mutant) -> Verdict:
    """Verify a mutant, and if nothing fails ask whether it is a fault at all."""
    if failure := _failure_of(mutant):
        return Verdict(mutant, CAUGHT, failure)
    why = "" if mutant.of_engine else _equivalent.reason(mutant)
    return Verdict(mutant, EQUIVALENT if why else MISSED, why)


def _failure_of(mutant: Mutant) -> str:
    if mutant.of_engine:
        with planted(mutant):
            return first_failure(mutant.reference, of_entry(info(mutant.optimizer)))
    return first_failure(mutant.reference, of_entry(faulty_entry(mutant)))


def first_failure(reference: str, subject: Subject) -> str:
    """Return the first finding that fails, or the exception that ends a check; empty when all hold.

    An entry is verified by itself and then, as weight prediction runs functions of its own, under XGrad.
    """
    for name, effort in [*((name, QUICK) for name in CHECKS if name not in LEFT_OUT), ("oracle", THOROUGH)]:
        for one in _subjects(reference, subject, name):
            try:
                with _quietly():
                    failed = next((f for f in CHECKS[name](one, effort) if not f.passed), None)
            except Exception as error:  # a fault may raise anything, but a check that is at fault proves nothing
                if not _in_optimizers(error):
                    raise
                return f"{name}: raises {type(error).__name__}: {error}"
            if failed is not None:
                return told(failed)
    return ""


def _in_optimizers(error: Exception) -> bool:
    """Tell whether an exception passed through the code that has the fault."""
    files = (frame.filename for frame in traceback.extract_tb(error.__traceback__))
    return any(Path(file).parent.is_relative_to(OPTIMIZERS) for file in files)


def told(finding: Finding) -> str:
    """Return a failed finding in one line."""
    return f"{finding.check}: {finding.case}: {finding.message}"


def _subjects(reference: str, subject: Subject, check: str) -> Iterator[Subject]:
    """Yield the optimizer and itself under XGrad; for faults of weight prediction also torch's class under XGrad."""
    own = replace(subject, implementations=("eager",))
    if not reference.startswith(XGRAD):
        yield own
    if not getattr(subject.rule, "lookahead", False):
        yield replace(own, xgrad={})
    if reference.startswith(XGRAD) and subject.torch and check == "oracle":
        yield replace(subject, implementations=("torch",), xgrad={})


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Let no warning out: a faulty rule divides by zero and takes roots of negative numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def planted_by_hand() -> list[Mutant]:
    """Return the mutants of every fault planted by hand."""
    return mutants_of((*IN_ADAPTIVE, *IN_FURTHER, *IN_ENGINE))


def unsound(mutants: list[Mutant], jobs: int) -> tuple[str, str] | None:
    """Return a reference whose verification fails without any fault, and the failure; None where all hold."""
    references = list(dict.fromkeys(m.reference for m in mutants))
    failures = _parallel(_failure_without_fault, references, jobs, chunk=1)
    return next((pair for pair in zip(references, failures, strict=True) if pair[1]), None)


def _failure_without_fault(reference: str) -> str:
    return first_failure(reference, of_entry(replace(info(reference.rpartition("+")[2]))))


def each(mutants: list[Mutant], jobs: int) -> Iterator[Verdict]:
    """Yield the verdicts in order, from so many processes."""
    return _parallel(judge, mutants, jobs, chunk=8)


def _parallel(work: Callable[[T], R], items: list[T], jobs: int, chunk: int) -> Iterator[R]:
    if jobs == 1 or len(items) < 2:
        yield from map(work, items)
        return
    context = multiprocessing.get_context("spawn")  # a fork would share torch's threads
    with _spawn.hidden_main():
        pool = context.Pool(min(jobs, len(items)), initializer=torch.set_num_threads, initargs=(1,))
    with pool:
        yield from pool.imap(work, items, chunksize=chunk)
