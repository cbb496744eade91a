"""Engines that know which tokens a grammar allows, and what they share."""
