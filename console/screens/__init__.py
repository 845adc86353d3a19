"""The screens an operator moves through."""
