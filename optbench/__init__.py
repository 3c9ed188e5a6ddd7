"""optbench: a testbench for deep-learning optimizers on PyTorch."""

__version__ = "0.1.0"
