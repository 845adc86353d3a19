"""The machine in which the drills run."""
