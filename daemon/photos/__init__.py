"""Which photos there are: watching, reconciling, settling, ignoring."""
