"""One probe per kind of observation. A probe installs, observes and restores."""
