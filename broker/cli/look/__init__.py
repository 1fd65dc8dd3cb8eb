"""What a user looks at: annotations as they come.

Nothing here writes to a topic.
"""
