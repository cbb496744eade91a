"""What the mask bench is made of: cases, engines, the measuring of one with the other, and what comes out of it."""
