"""The second argument of a handler."""

import os
import time

from . import logs


# Read late and once: environment lookups are slow, and these cannot change during the life of a sandbox.
_of_function = {}


def _read_environment():
    _of_function.update(
        log_group_name=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME"),
        log_stream_name=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
        function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME"),
        memory_limit_in_mb=os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION"),
    )
    return _of_function


class LambdaContext:
    def __init__(self, head):
        self.aws_request_id = head["id"]
        vars(self).update(_of_function or _read_environment())
        self.invoked_function_arn = head.get("arn")
        client_context = head.get("clientContext")
        self.client_context = None if client_context is None else ClientContext(client_context)
        self.identity = CognitoIdentity(head.get("identity") or {})
        self.tenant_id = head.get("tenant")
        self._deadline_ms = head["deadline"]

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        logs.write(str(message))

    def __repr__(self):
        members = (f"{name}={value}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"LambdaContext([{','.join(members)}])"


class _Members:
    """Named members, taken from a JSON object; absent ones are None."""

    __slots__ = ()

    def __init__(self, source):
        for name in self.__slots__:
            setattr(self, name, source.get(name))

    def __repr__(self):
        members = (f"{name}={getattr(self, name)}" for name in self.__slots__)
        return f"{type(self).__name__}([{','.join(members)}])"


class CognitoIdentity(_Members):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, source):
        self.cognito_identity_id = source.get("cognitoIdentityId")
        self.cognito_identity_pool_id = source.get("cognitoIdentityPoolId")


class Client(_Members):
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(_Members):
    __slots__ = ("custom", "env", "client")

    def __init__(self, source):
        super().__init__(source)
        if self.client is not None:
            self.client = Client(self.client)
