"""Many examples in one pass: arrays with a hidden axis."""
