"""Drills on real kernel devices. They run in the rig's guest (`make rig`), never on the machine itself."""
