"""The speed, memory and accuracy of covlasso beside its peers (README.md says how to run it)."""
