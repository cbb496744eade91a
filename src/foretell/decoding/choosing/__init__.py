"""Shared code of choosers: networks, linear regression, exploration, replay of logs."""
