"""Tests of the server, its limits and its client."""
