"""Proofs that an optimizer computes what its paper says.

`optbench.verify.oracles` holds one float64 NumPy transcription per algorithm, written from the papers'
equations and sharing no code with `optbench.optimizers`. Nothing here imports torch.
"""
