"""HTML reports: one page template, one theme, and plots by matplotlib. A page is one file that opens without a network."""
