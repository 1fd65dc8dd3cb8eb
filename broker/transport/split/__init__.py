"""The split of a file into packets: of containers, of what was gzipped, of tar archives.

Nothing here decodes a packet, and nothing is unpacked to the disk.
"""
