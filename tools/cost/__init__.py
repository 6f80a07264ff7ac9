"""What the scheduler costs on AWS: unit prices, written down, times counts that code and template give."""
