"""Container hosts and their instances: what everything else runs in."""
