"""Grouped convolution: few channels meet few, so that lines of channels are multiplied with pixels around them directly."""
