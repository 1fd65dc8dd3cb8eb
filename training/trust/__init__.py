"""How far a model can be trusted on a stream: the priors of its classes there.

Nothing here trains, and nothing needs labels or torch.
"""
