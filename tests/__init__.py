"""Tests; a package, so that tests may share their makers of frames and cases."""
