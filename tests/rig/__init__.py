"""The hardware rig: real kernels' devices over emulated USB boards, on a machine that has neither.

`make rig` builds what is missing and boots two guests as ordinary processes, one after the other: a User Mode Linux
kernel from Debian's own source (the fast tier), and Debian's own kernel in QEMU (the stock tier). Both have one root
image, made from Debian's packages, and run their drills with the project's own code.
"""
