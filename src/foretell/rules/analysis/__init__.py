"""What is known of a program that is being written: static analysers, and how they are asked."""
