"""The hardware rig: real kernel sound cards over emulated USB boards, on a machine that has neither.

`make rig` builds what is missing (a User Mode Linux kernel from Debian's own source, a root image from Debian's
packages), boots it as an ordinary process, and runs `tests/rig/drills` inside with the project's own code.
"""
