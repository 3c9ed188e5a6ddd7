"""The machines that run a rule: eager (torch operations) and cpu (Numba); the same function objects on each."""
