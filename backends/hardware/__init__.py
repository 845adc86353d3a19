"""USB boards and hubs: the amplifiers and DACs, their ports and their power."""
