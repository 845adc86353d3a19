"""The emulated venue: USB devices as classes, which a kernel enumerates and binds its own drivers to.

`python -m tests.rig.devices` attaches them inside the guest, behind the kernel's own USB/IP host controller;
`python -m tests.rig.devices.hubs` runs outside, and has them behind the hubs of the QEMU that it starts.
"""
