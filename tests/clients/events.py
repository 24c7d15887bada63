"""What boto3 finds on queues, topics, buses and asynchronous invocations: events.py ENDPOINT PART..."""

import importlib
import sys
import traceback

import events_base

for part in sys.argv[2:]:
    importlib.import_module(f"events_{part}")
    for check in events_base.taken():
        what = f"{part}: {check.__name__.replace('_', ' ')}"
        print(what, flush=True)
        try:
            check()
        except Exception:
            traceback.print_exc()
            sys.exit(f"FAILED: {what}")
