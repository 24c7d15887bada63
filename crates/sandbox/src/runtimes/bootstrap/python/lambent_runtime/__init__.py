"""The runtime that calls one Lambda handler, unmodified."""
