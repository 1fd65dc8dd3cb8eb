"""How good answers are: metrics, and a model folder measured as it is served.

Nothing here needs torch.
"""
