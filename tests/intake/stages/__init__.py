"""Tests of the stages, a module each, on fakes of the ports."""
