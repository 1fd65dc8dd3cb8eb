"""From light curves to the examples that a network learns from: shortened versions, features, caches.

Nothing here knows networks.
"""
