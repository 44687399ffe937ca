"""The two kinds of core: a program in block RAM, and a graph of additions."""
