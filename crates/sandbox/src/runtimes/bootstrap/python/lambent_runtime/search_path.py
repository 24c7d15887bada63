"""Where imports are looked for.

Python runs without `site`, which starts faster and hides what the host has installed, so all of it is set up here.
"""

import builtins
import os
import sys

from _sitebuiltins import Quitter

#: The standard library only. The runtime's own late imports use it, so that a function's `string.py` cannot break them.
standard_library = []


def arrange():
    runtime_dir = os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime")
    # The interpreter puts the folder of its script first; whatever follows is PYTHONPATH and the standard library.
    after_script = [entry for entry in sys.path if entry != os.path.dirname(os.path.dirname(__file__))]
    own = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    standard_library[:] = [entry for entry in after_script if entry not in own]

    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site_folders = [
        os.environ.get("LAMBDA_TASK_ROOT", "/var/task"),
        f"/opt/python/lib/{version}/site-packages",
        "/opt/python",
    ]
    ordered = [*site_folders, *own, *standard_library, os.path.join(runtime_dir, "python-sdk")]
    sys.path[:] = dict.fromkeys(ordered)
    _run_path_files(site_folders)
    builtins.exit = Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = Quitter("quit", "Ctrl-D (i.e. EOF)")


def _run_path_files(folders):
    """Lambda treats these folders as site folders, so packages may bring `.pth` files. Few do: `site` loads late."""
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        if any(name.endswith(".pth") for name in names):
            import site

            site.addsitedir(folder, set(sys.path))
