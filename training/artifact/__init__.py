"""The model folder: export to ONNX, the networks of the folds, the code that made it, published weights.

Nothing here trains.
"""
