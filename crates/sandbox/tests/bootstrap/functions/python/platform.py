"""What surrounds a handler: context, environment, search path, descriptors.

Its name is that of a module of the standard library, as users' modules sometimes are.
"""

import os
import subprocess
import sys
import threading
import time


def context(event, context):
    return {
        "members": {name: value for name, value in vars(context).items() if isinstance(value, (str, type(None)))},
        "remaining": context.get_remaining_time_in_millis(),
        "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
        "client_context": client_context(context.client_context),
        "repr": repr(context),
    }


def client_context(given):
    if given is None:
        return None
    client = given.client and [given.client.installation_id, given.client.app_title, given.client.app_package_name]
    return {"custom": given.custom, "env": given.env, "client": client}


def context_log(event, context):
    context.log("raw, without a line feed|")
    context.log(5)


def trace(event, context):
    return os.environ.get("_X_AMZN_TRACE_ID", "absent")


def search_path(event, context):
    return {"version": list(sys.version_info[:2]), "path": sys.path}


def descriptors(event, context):
    command = ["sh", "-c", "test -e /proc/self/fd/3 && echo open || echo closed"]
    return subprocess.run(command, stdout=subprocess.PIPE, close_fds=False, text=True).stdout.strip()


def fork(event, context):
    """The child runs on into the runtime, as a careless one does, and must not answer."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        return "from the child"
    os.waitpid(child, 0)
    return "from the parent"


def keeps_running(event, context):
    threading.Thread(target=time.sleep, args=(60,)).start()
    return event


def sleep(event, context):
    time.sleep(event / 1000)


def loaded(event, context):
    return [name for name in event if name in sys.modules]
