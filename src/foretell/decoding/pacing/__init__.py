"""Shared code of paces: the cost curve, acceptance rates, records of arms."""
