"""Pages, cards and plots of what was measured; nothing here measures."""
