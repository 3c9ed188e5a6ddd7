"""`python -m optbench` is the `optbench` command."""

from optbench.cli import main

if __name__ == "__main__":
    main()
