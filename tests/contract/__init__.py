"""The built-in backends' beds for the contract suite (backends/testing)."""
