"""Adafactor: second moments factored into row and column means."""

from collections.abc import Mapping

from optbench.optimizers._hyperparameters import Value, at_least, learning_rate, non_negative, non_positive, numbers
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers._rule import Declaration


@register("adafactor", title="Adafactor", paper="arXiv:1804.04235", torch=TorchClass("Adafactor"))
class Adafactor(Declaration):
    """Adafactor (Shazeer and Stern 2018, Algorithm 4), torch.optim.Adafactor's own class.

    rho_t   = min(gamma, 1 / sqrt(t));  alpha_t = max(eps2, RMS(theta_{t-1})) rho_t
    theta_t = (1 - gamma lambda) theta_{t-1}                           (decoupled decay)
    R, C    = moving averages (beta2_t = 1 - t^beta2_decay) of the row and column means of g_t^2
    V_t     = R C / mean(R), or the full moving average for vectors
    U_t     = g_t / sqrt(V_t);  theta_t = theta_t - alpha_t U_t / max(1, RMS(U_t) / d)

    Departures of torch: the paper's rho_t is min(1e-2, 1 / sqrt(t)), its eps1 (1e-30) is added to g_t^2 where torch
    clamps with the dtype's machine epsilon; the decay comes after RMS(theta) is taken. The second moments mix whole
    rows and columns, so there is no element-wise rule: torch's class runs it everywhere.
    """

    lr = learning_rate(1e-2)
    beta2_decay = non_positive(-0.8, "exponent of the schedule of beta2")
    eps = numbers(0.0, 1e-3, doc="eps1 and eps2; eps1 = 0 means the dtype's machine epsilon, torch's default")
    d = at_least(1, 1.0, "clipping threshold of the update's root mean square")
    weight_decay = non_negative(0.0, "lambda, decoupled")

    @classmethod
    def state_bytes(cls, options: Mapping[str, Value]) -> int:
        """Rows and columns only: nearly nothing for a matrix (4 bytes for the elements of vectors)."""
        return 0

    @classmethod
    def traffic_bytes(cls, options: Mapping[str, Value]) -> int:
        """Read g twice and theta twice (RMS, update), write theta: the factors are small."""
        return 24
