"""The model folder: export to ONNX, the networks of the folds, the import of the published weights.

Nothing here trains.
"""
