"""What training costs: time in `timing`, bytes in `memory`. Never measured while a run trains."""

from optbench.measure.timing import measure_arms

__all__ = ["measure_arms"]
