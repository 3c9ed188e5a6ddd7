"""Run by test_threads_and_processes.py: prints each surrounding in which the bits were the parent's."""

import hashlib
import multiprocessing
import threading
import warnings

import torch

from optbench.optimizers import create, executor_of

REFERENCES = ("xgrad+novograd:impl=cpu",)


class Race:
    """A few optimizers with their parameters and the gradients of six steps, made before the race is run."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        shapes = [(300, 200), (7,), (), (65_537,)]
        self.gradients = [[torch.randn(s, generator=generator) for s in shapes] for _ in range(6)]
        start = [torch.randn(s, generator=generator) for s in shapes]
        self.lanes = [[torch.nn.Parameter(p.clone()) for p in start] for _ in REFERENCES]
        self.optimizers = [create(r, p, lr=0.01) for r, p in zip(REFERENCES, self.lanes, strict=True)]
        self.step(0)  # makes the state: torch's own operations on large tensors hang in a forked child

    def step(self, number: int) -> None:
        """One step of every optimizer."""
        for optimizer, parameters in zip(self.optimizers, self.lanes, strict=True):
            for p, g in zip(parameters, self.gradients[number], strict=True):
                p.grad = g
            optimizer.step()

    def digest(self) -> str:
        """The other five steps, and the bits of the result."""
        for number in range(1, 6):
            self.step(number)
        assert all(executor_of(optimizer) == "cpu" for optimizer in self.optimizers)
        values = [p.detach().numpy().tobytes() for parameters in self.lanes for p in parameters]
        return hashlib.sha256(b"".join(values)).hexdigest()


def digest() -> str:
    """A race from start to end."""
    return Race().digest()


def send(queue, race=None) -> None:
    """What a child process does; a forked one goes on with its parent's race."""
    queue.put((race or Race()).digest())


def in_process(method: str) -> str:
    """The digest found by a child process."""
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    child = context.Process(target=send, args=(queue, Race()) if method == "fork" else (queue,))
    child.start()
    child.join(100)
    assert child.exitcode == 0, (method, child.exitcode)
    return queue.get()


def in_threads(count: int) -> list[str]:
    """The digests found by threads that step at the same time."""
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(digest())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == count
    return found


def main() -> None:
    """Compare every surrounding with the parent."""
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads: the point here
    torch.set_num_threads(2)
    expected = digest()
    print("parent")
    assert in_process("fork") == expected
    print("fork")
    assert in_threads(3) == [expected] * 3
    print("threads")
    assert in_process("spawn") == expected
    print("spawn")
    for count in (1, 3, 2):
        torch.set_num_threads(count)
        assert digest() == expected, count
    print("counts")
    assert digest() == expected
    print("after")


if __name__ == "__main__":
    main()
