"""What choosers share."""
