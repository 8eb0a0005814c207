"""The commands of the command line: one file each, named like the command."""
