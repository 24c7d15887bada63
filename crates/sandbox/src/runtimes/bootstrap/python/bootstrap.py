"""Starts the Python runtime: `python3 -S -u bootstrap.py`, with the node at the other ends of file descriptors 3 and 4.

Short, because Python never caches the bytecode of the script that it is started with.
"""

import os
import sys

# Python has put this folder there itself, unless the function's environment asks for a safe path.
sys.path.insert(0, os.path.dirname(__file__))

from lambent_runtime.main import main

main()
