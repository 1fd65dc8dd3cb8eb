"""Light curves that are made: of quasars, and of what is in no class.

Nothing here knows which stars lend their epochs, or what is learnt from.
"""
