"""torch.optim's own classes as implementations of the entries that torch has: the baselines."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from optbench.errors import InvalidValueError
from optbench.optimizers._engine import check_parameter
from optbench.optimizers._hyperparameters import Value
from optbench.optimizers._registry import Entry


def torch_options(entry: Entry, options: Mapping[str, Value]) -> dict[str, Any]:
    """Return an entry's hyper-parameters as torch's class takes them.

    Raises:
        InvalidValueError: for a variant that torch does not have.
    """
    assert entry.torch is not None
    for key, value in entry.torch.only.items():
        if options[key] != value:
            raise InvalidValueError(f"torch.optim.{entry.torch.name} has no {key}={options[key]}", "use impl=auto")
    given: dict[str, Any] = {entry.torch.keys.get(k, k): v for k, v in options.items() if k not in entry.torch.only}
    if entry.name == "adafactor":
        eps = options["eps"]
        assert isinstance(eps, tuple)
        given["eps"] = (eps[0] or None, eps[1])
    return given


def build(entry: Entry, params: Any, options: Mapping[str, Value]) -> Optimizer:
    """Build torch's optimizer, `fused=True` where its class has that and the parameters allow it.

    Not for SGD with momentum, whose fused form fails on parameters that get their first gradient late.
    """
    assert entry.torch is not None
    cls = getattr(torch.optim, entry.torch.name)
    given = torch_options(entry, options)
    params = list(params)
    for p in _tensors(params):
        check_parameter(entry.name, p)
    # torch's fused SGD raises TypeError when only some parameters have a momentum buffer yet (late first gradients).
    takes_fused = "fused" in inspect.signature(cls).parameters and not given.get("momentum")
    if takes_fused and _all_fusible(params):
        given["fused"] = True
    optimizer: Optimizer = cls(params, **given)
    return optimizer


def _tensors(params: list[Any]) -> Iterator[torch.Tensor]:
    """Yield the parameters, which may come as tensors, as (name, tensor), or as groups of either."""
    for item in params:
        if isinstance(item, dict):
            group = item["params"] = [item["params"]] if isinstance(item["params"], torch.Tensor) else [*item["params"]]
            yield from _tensors(group)
        else:
            yield item[1] if isinstance(item, tuple) else item


def _all_fusible(params: list[Any]) -> bool:
    # torch's fused kernels on the CPU step wrongly where a parameter and its gradient differ in layout.
    return all(
        p.is_floating_point() and p.is_contiguous() and p.device.type in ("cpu", "cuda") for p in _tensors(params)
    )
