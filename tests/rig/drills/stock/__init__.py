"""Drills on the kernel that Debian ships, which takes its own view of a sleeping device, and on boards behind hubs."""
