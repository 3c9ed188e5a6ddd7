"""Tells whether the cuda executor can run here, without importing Triton."""

import os
from functools import cache
from importlib.util import find_spec

import torch


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None


def interpreted() -> bool:
    """Tell whether Triton's interpreter runs the kernels: on the CPU, slowly, to check numerics."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def missing() -> tuple[str, str] | None:
    """Return what the cuda executor lacks here and what to do about it, or None when it can run."""
    if not _has_triton():
        return "impl=cuda needs Triton", "pip install triton, or use impl=auto"
    if not (torch.cuda.is_available() or interpreted()):
        return "impl=cuda: no CUDA device", "use impl=auto, cpu or eager"
    return None


def runs_on(device: torch.device) -> bool:
    """Tell whether the executor can run tensors of a device."""
    return _has_triton() and (device.type == "cuda" or (device.type == "cpu" and interpreted()))
