"""The emulated venue: USB devices as classes, behind the kernel's own USB/IP host controller.

`python -m tests.rig.devices` attaches them inside the guest; the kernel enumerates them and binds its own drivers.
"""
