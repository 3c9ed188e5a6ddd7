"""One run made ready on its device: task, model, optimizer, schedule and scaler of a `RunSpec`.

Training and measuring both drive a `Session`, so what is timed is what trains. Its features are in `_features`.
"""

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from optbench import datasets, optimizers, tasks
from optbench._features import LearningRates, batch_norms, compiling, gradient_histogram, grouped, reestimated
from optbench._session_task import channels_last, made_task
from optbench._weights import KeptWeights, WeightAverage
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


class Session:
    """Everything of one run that changes while it trains, and one iteration of it.

    The same seed gives the same initial weights and the same order of data to every optimizer.

    Args:
        spec: the run.
        data_root: folder to look in for data first.
        dataset: what to train on in place of the recipe's data, on the spec's device.

    Raises:
        OptbenchError: missing data, or an optimizer that cannot be made.
    """

    def __init__(
        self, spec: RunSpec, data_root: Path | None = None, dataset: datasets.AnyDataset | None = None
    ) -> None:
        recipe = spec.recipe
        self.spec = spec
        self.recipe = recipe
        self.device = torch.device(spec.device)
        if recipe.accumulation > 1 and tasks.info(recipe.task).kind == "text":
            raise OptbenchError(
                f"accumulation = {recipe.accumulation} in {recipe.task}",
                "its state runs through the batches: take a smaller batch size or bptt instead",
            )
        self.task = made_task(recipe, data_root, spec.device, dataset)
        torch.manual_seed(spec.seed)
        self.model = self.task.model(recipe.model, **recipe.model_options)
        if recipe.channels_last:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if recipe.reestimate_batch_norm:
            batch_norms(self.model)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer: Any = optimizers.create(spec.optimizer, self.trained)
        # dropout must not depend on how many numbers making the optimizer drew
        torch.manual_seed(spec.seed + 1)
        self.micro_batch = recipe.batch_size // recipe.accumulation
        self.rates = LearningRates(self.optimizer, recipe.schedule_for(spec.optimizer.name), self.steps, recipe.epochs)
        self.average = WeightAverage(self.trained, recipe.ema) if recipe.ema else None
        self.kept = KeptWeights()
        self.carry: tasks.Carry = None
        self.histograms: list[tuple[int, torch.Tensor]] = []  # of gradients: after which iteration, and counts
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=spec.precision == "fp16")
        self.model.train()
        self._forward: Any = torch.compile(self.model) if recipe.compile else self.model

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(p.numel() for p in self.trained)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the context of the forward pass: autocast under bf16 and fp16, nothing under fp32."""
        dtype = AUTOCAST.get(self.spec.precision)
        return torch.autocast(self.device.type, dtype) if dtype else contextlib.nullcontext()

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield the training batches of one epoch (from 1), on the device, one for each iteration from `start` on.

        With gradient accumulation a batch is a group of micro-batches that are loaded one by one and used once.
        """
        if start == 0:
            self.carry = None
        parts = self.recipe.accumulation
        found = self.task.batches(self.spec.seed, epoch - 1, self.micro_batch, start * parts)
        if self.recipe.channels_last:
            found = map(channels_last, found)
        if parts > 1:
            found = grouped(found, self.task.steps(self.micro_batch) - start * parts, parts)
        yield from found

    def stream(self) -> Iterator[Any]:
        """Return the batches of epoch 1, 2, ... without an end."""
        return itertools.chain.from_iterable(map(self.batches, itertools.count(1)))

    @property
    def steps(self) -> int:
        """How many iterations an epoch has."""
        return -(-self.task.steps(self.micro_batch) // self.recipe.accumulation)

    def iteration(self, batch: Any, phase: Callable[[str], None] = unobserved) -> torch.Tensor:
        """Train on one batch; return its loss, still on the device so that nothing waits for it.

        Under gradient accumulation every micro-batch weighs the same, and `data`, `forward` and `backward` come once
        for each (the first one's `data` belongs to the caller). `clip` comes where gradients are clipped; `schedule`
        where the learning rate moves every iteration (a weight prediction is then aimed again with it) or the weights
        are averaged.

        Args:
            batch: one of `batches`.
            phase: called with the name of each phase (of `results.PHASES`) right after it has ended.
        """
        self.optimizer.zero_grad()
        if self.recipe.accumulation == 1:
            if (rate := self.task.rate(batch)) != self.rates.rate:
                self.rates.set(rate)
                self._mode("train")
                phase("schedule")
            loss = self._pass(batch, 1, phase)
        else:
            losses: list[torch.Tensor] = []
            for micro_batch in batch:
                if losses:
                    phase("data")
                losses.append(self._pass(micro_batch, batch.count, phase))
            loss = torch.stack(losses).mean()
        every = self.recipe.gradient_histograms
        observed = bool(every) and self.rates.done % every == 0
        if observed or self.recipe.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
        if observed:  # before they are clipped, in their own unit
            self.histograms.append((self.rates.done + 1, gradient_histogram(self.trained)))
        if self.recipe.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.trained, self.recipe.clip_norm)
            phase("clip")
        if self.scaler.is_enabled():
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        phase("step")
        self.rates.done += 1
        if self.rates.every_iteration or self.average:
            self._follow_step()
            phase("schedule")
        return loss

    def _pass(self, batch: Any, parts: int, phase: Callable[[str], None]) -> torch.Tensor:
        """Go forward and backward through a batch that is one of `parts` of an iteration; return its loss."""
        with compiling() if self.recipe.compile else contextlib.nullcontext():
            with self.autocast():
                loss, self.carry = self.task.loss(self._forward, batch, self.carry)
            phase("forward")
            part = loss / parts if parts > 1 else loss
            scaled = self.scaler.scale(part) if self.scaler.is_enabled() else part
            scaled.backward()  # type: ignore[no-untyped-call]
            phase("backward")
        return loss.detach()

    def _follow_step(self) -> None:
        """Do what is due after a step: the next learning rate, the average of the weights, the prediction's aim."""
        if self.rates.every_iteration:
            self.rates.set()
        if self.average:
            self._mode("eval")
            self.average.update()
        self._mode("train")

    def end_epoch(self) -> None:
        """Set the next epoch's learning rate; a weight prediction is aimed again with it."""
        self.rates.end_epoch()
        self._mode("train")

    def evaluate(self, split: str, *, kept: bool = False) -> dict[str, float]:
        """Return the task's metrics on `validation` or `test`.

        Args:
            split: which.
            kept: with the weights that were set aside, if any, in place of those of now.
        """
        with self.real_weights(), self._kept(kept), self.autocast(), self._statistics():
            return self.task.evaluate(self.model, getattr(self.task, split))

    def keep(self, epoch: int, score: float) -> None:
        """Set the weights aside after an epoch (from 1), if it is one whose weights the test split may be scored with.

        Those are the last epochs', for their mean, where the recipe has `average_last`; and the best one's, by the
        task's primary metric on the validation split, where the task reports that.
        """
        info = tasks.info(self.recipe.task)
        if self.recipe.average_last > 1:
            if epoch > self.recipe.epochs - self.recipe.average_last:
                with self.real_weights():
                    self.kept.include(self.model)
        elif info.reports == "best":
            (metric,) = [each for each in info.metrics if each.name == info.primary]
            value = -score if metric.direction == "lower" else score
            if self.kept.score is None or value > self.kept.score:
                with self.real_weights():
                    self.kept.replace(self.model)
                self.kept.score = value

    @contextlib.contextmanager
    def reported_weights(self) -> Iterator[torch.nn.Module]:
        """While inside, the model holds the weights that the test split is scored with."""
        with self.real_weights(), self._kept(True):
            yield self.model

    def _kept(self, wanted: bool) -> contextlib.AbstractContextManager[None]:
        return self.kept.in_place(self.model) if wanted else contextlib.nullcontext()

    def _statistics(self) -> contextlib.AbstractContextManager[None]:
        """Return the context in which BatchNorm holds the statistics to evaluate with."""
        if not self.recipe.reestimate_batch_norm:
            return contextlib.nullcontext()
        found = itertools.islice(
            self.task.batches(self.spec.seed, 0, self.micro_batch), self.recipe.reestimate_batch_norm
        )
        return reestimated(self.model, (batch[0] for batch in found))

    @contextlib.contextmanager
    def real_weights(self) -> Iterator[None]:
        """While inside, the model holds theta even where the optimizer trains at predicted weights.

        Where an average of the weights is kept, the model holds that.
        """
        self._mode("eval")
        self.model.eval()
        try:
            with self.average.in_place() if self.average else contextlib.nullcontext():
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
        """Return the SHA-256 over the model's parameters and buffers, those that are reported."""
        digest = hashlib.sha256()
        with self.reported_weights():
            for name, tensor in self.model.state_dict().items():
                digest.update(name.encode())
                digest.update(tensor.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the rest of the run depends on."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rates": self.rates.state_dict(),
            "scaler": self.scaler.state_dict(),
            "rng": torch.get_rng_state(),
            "average": self.average.tensors if self.average else [],
            "kept": self.kept.state_dict(),
            "carry": self.carry,
            "histograms": self.histograms,
        }
        if self.device.type == "cuda":
            state["cuda_rng"] = torch.cuda.get_rng_state(self.device)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on bitwise from where `state_dict` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rates.load_state_dict(state["rates"])
        self.scaler.load_state_dict(state["scaler"])
        if self.average:
            self.average.load_state_dict(state["average"])
        self.kept.load_state_dict(state["kept"], self.device)
        self.carry = state["carry"] and tuple(part.to(self.device) for part in state["carry"])
        self.histograms = list(state["histograms"])
        torch.set_rng_state(state["rng"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)
