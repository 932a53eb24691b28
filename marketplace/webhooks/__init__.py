"""The payment processors call us: store what they say once, fetch what it is about, converge."""
