"""Contrastive learning of representations: pairs, weights, views and the loss."""
