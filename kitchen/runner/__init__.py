"""Runs the molecule suites of states and roles. `python -m runner --help`, from kitchen/."""
