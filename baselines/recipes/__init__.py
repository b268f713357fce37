"""What a training can be told: plain frozen values, one file for each family."""
