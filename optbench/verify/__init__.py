"""Proof that an optimizer computes what its paper says: oracles, checks, mutants and fingerprints.

`oracles` are float64 NumPy transcriptions that share no code with the rules. `checks` hold an optimizer against them,
its executors against each other, and all of it against the contract of torch.optim. `mutants` plant faults that the
checks must catch; `fingerprint` tells which published variant of an algorithm a class is.
"""
