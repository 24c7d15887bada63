"""Finds the function that a handler string names: `package.module.function` or `folder/module.function`."""

import sys

from .errors import Fault


def load(name):
    module_name, function_name = _split(name)
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    module = _import(module_name)
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'") from None


def _split(name):
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise Fault("MalformedHandlerName", f"Bad handler '{name}': {error}") from None
    return module_name, function_name


def _import(name):
    dotted = name.replace("/", ".")
    try:
        __import__(dotted)
        return sys.modules[dotted]
    except ImportError as error:
        raise Fault("ImportModuleError", f"Unable to import module '{name}': {error}") from None
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        raise Fault("UserCodeSyntaxError", f"Syntax error in module '{name}': {error}", [place]) from None
