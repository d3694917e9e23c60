"""Tests of whole networks."""
