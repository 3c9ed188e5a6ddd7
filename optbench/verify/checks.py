"""The checks by name, the cheap ones first; `ORDER` is that of the reports."""

from optbench.verify import contract, executors, identities, oracle_check, state, training
from optbench.verify._subject import Check

CHECKS: dict[str, Check] = {
    module.NAME: module.check for module in (oracle_check, identities, state, contract, executors, training)
}

ORDER = tuple(module.NAME for module in (oracle_check, executors, identities, contract, training, state))
