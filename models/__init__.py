"""Packs: the network, its words, and how both are read and verified."""
