"""What programs written for autograd import."""
