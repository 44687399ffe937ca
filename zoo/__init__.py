"""Trained actors with their provenance: zoo/<environment id>/<algorithm>-s<sparsity>.safetensors."""
