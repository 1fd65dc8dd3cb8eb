"""The experiments of Kim et al. (2021) on public surveys, and what we do differently beside them.

No model that is shipped needs anything of it.
"""
