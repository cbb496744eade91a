"""Backbones: networks of models with gradients, on which heads, adapters and encoders are trained."""
