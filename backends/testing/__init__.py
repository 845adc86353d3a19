"""The contract suite, for any backend: `suite.py` says how to use it. It ships with foh, so that a backend in a
package of its own is tested by the same checks as the built-in ones (`pip install foh[testing]`). The program imports
none of it."""
