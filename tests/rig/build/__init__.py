"""What the rig boots: a kernel and a root image, made once and kept in the user's cache."""
