"""Classifiers of variable stars: from labelled light curves to a model that `varstream` serves.

The network and its training follow Kim, Yeo, Bailer-Jones & Lee (2021, AJ, arXiv:2106.01061),
UPSILoN-T; the equations and sections named in this package are that paper's. What differs from it is
said where it differs.
"""
