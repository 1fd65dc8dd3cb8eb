"""Why a model says a class: the Shapley values of the features, against the background of training stars.

Nothing here draws, prints or trains.
"""
