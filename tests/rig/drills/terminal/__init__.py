"""Drills on a terminal of this machine, whose programs boot a guest by themselves."""
