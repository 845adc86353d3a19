"""The console in a guest, on the terminal of whoever wants to try it."""
