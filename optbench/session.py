"""One run made ready on its device: task, model, optimizer, schedule and scaler of a `RunSpec`.

Training and measuring both drive a `Session`, so what is timed is what trains.
"""

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, MultiStepLR

from optbench import datasets, optimizers, tasks
from optbench.errors import OptbenchError
from optbench.plan import RunSpec

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def unobserved(phase: str) -> None:
    """Let a phase of an iteration pass."""


@contextlib.contextmanager
def settings(spec: RunSpec, *, deterministic: bool) -> Iterator[None]:
    """Set torch's threads (and cuDNN's choice of kernels) for one run, and put them back after it.

    Args:
        spec: the run.
        deterministic: pick cuDNN kernels that give the same bits each time, at some cost in time.
    """
    if spec.device_type == "cuda" and not torch.cuda.is_available():
        raise OptbenchError("no CUDA device is available to torch", "use --device cpu")
    threads = torch.get_num_threads()
    torch.set_num_threads(spec.threads)
    try:
        # `flags` switches cuDNN off unless told otherwise; fp32 means fp32, so no TF32
        with torch.backends.cudnn.flags(
            enabled=torch.backends.cudnn.enabled,
            benchmark=False,
            deterministic=deterministic,
            allow_tf32=False,
        ):
            yield
    finally:
        torch.set_num_threads(threads)


@functools.lru_cache(maxsize=1)
def _task(task: str, data: str, protocol: str, root: Path | None, device: str) -> tasks.Task:
    """Make a task once for the many runs over it: its data need memory and time, and nothing changes them."""
    return tasks.create(task, datasets.load(data, root=root, device=device), protocol=protocol)


class Session:
    """Everything of one run that changes while it trains, and one iteration of it.

    The same seed gives the same initial weights and the same order of data to every optimizer.

    Raises:
        OptbenchError: missing data, or an optimizer that cannot be made.
    """

    def __init__(self, spec: RunSpec, data_root: Path | None = None) -> None:
        recipe = spec.recipe
        self.spec = spec
        self.device = torch.device(spec.device)
        self.task = _task(recipe.task, recipe.data, recipe.protocol, data_root, spec.device)
        torch.manual_seed(spec.seed)
        self.model = self.task.model(recipe.model, **recipe.model_options)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer: Any = optimizers.create(spec.optimizer, parameters)
        # dropout must not depend on how many numbers making the optimizer drew
        torch.manual_seed(spec.seed + 1)
        self.scheduler = _scheduler(spec, self.optimizer)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=spec.precision == "fp16")
        self.model.train()

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the context of the forward pass: autocast under bf16 and fp16, nothing under fp32."""
        dtype = AUTOCAST.get(self.spec.precision)
        return torch.autocast(self.device.type, dtype) if dtype else contextlib.nullcontext()

    def batches(self, epoch: int) -> Iterator[Any]:
        """Return the training batches of one epoch (from 1), on the device."""
        return self.task.batches(self.spec.seed, epoch - 1, self.spec.recipe.batch_size)

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
        return self.task.steps(self.spec.recipe.batch_size)

    def iteration(self, batch: Any, phase: Callable[[str], None] = unobserved) -> torch.Tensor:
        """Train on one batch; return its loss, still on the device so that nothing waits for it.

        Args:
            batch: one of `batches`.
            phase: called with the name of each phase (of `results.PHASES`) right after it has ended.
        """
        self.optimizer.zero_grad()
        with self.autocast():
            loss = self.task.loss(self.model, batch)
        phase("forward")
        scaled = self.scaler.scale(loss) if self.scaler.is_enabled() else loss
        scaled.backward()  # type: ignore[no-untyped-call]
        phase("backward")
        if self.scaler.is_enabled():
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        phase("step")
        return loss.detach()

    def advance_schedule(self) -> None:
        """Set the next epoch's learning rate; a weight prediction is aimed again with it."""
        self.scheduler.step()
        self._mode("train")

    def evaluate(self, split: str) -> dict[str, float]:
        """Return the task's metrics on `validation` or `test`, with the optimizer's real weights."""
        with self.real_weights(), self.autocast():
            return self.task.evaluate(self.model, getattr(self.task, split))

    @contextlib.contextmanager
    def real_weights(self) -> Iterator[None]:
        """While inside, the model holds theta even where the optimizer trains at predicted weights."""
        self._mode("eval")
        self.model.eval()
        try:
            yield
        finally:
            self.model.train()
            self._mode("train")

    def _mode(self, name: str) -> None:
        """Call the optimizer's `train()` or `eval()` where it has one."""
        switch = getattr(self.optimizer, name, None)
        if callable(switch):
            switch()

    def weights_sha256(self) -> str:
        """Return the SHA-256 over the model's parameters and buffers."""
        digest = hashlib.sha256()
        with self.real_weights():
            for name, tensor in self.model.state_dict().items():
                digest.update(name.encode())
                digest.update(tensor.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the rest of the run depends on."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "scaler": self.scaler.state_dict(),
            "rng": torch.get_rng_state(),
        }
        if self.device.type == "cuda":
            state["cuda_rng"] = torch.cuda.get_rng_state(self.device)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on bitwise from where `state_dict` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["rng"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)


def _scheduler(spec: RunSpec, optimizer: torch.optim.Optimizer) -> LRScheduler:
    """Return the recipe's schedule, to be stepped after every epoch."""
    schedule = spec.recipe.schedule
    if schedule.name == "cosine":
        return CosineAnnealingLR(optimizer, T_max=spec.recipe.epochs)
    if schedule.name == "multistep":
        return MultiStepLR(optimizer, milestones=list(schedule.milestones), gamma=schedule.factor)
    return ConstantLR(optimizer, factor=1.0, total_iters=0)
