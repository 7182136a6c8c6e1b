"""Secrets in the URL of a database, which must not get into files that others write."""

from __future__ import annotations

from ctxprune.errors import UsageError

__all__ = ["find_secrets"]

# Options known to hold none. Each driver has its own names for those that hold one (password, passwd, sslpassword,
# odbc_connect, motherduck_token), so that any other is taken for a secret.
_HARMLESS = frozenset(
    {
        "access_mode", "application_name", "charset", "client_encoding", "collation", "connect_timeout", "driver",
        "encrypt", "host", "mode", "port", "sslmode", "target_session_attrs", "timeout", "trustservercertificate",
        "uri", "user",
    }
)  # fmt: skip


def find_secrets(target: str) -> dict[str, list[str]]:
    """What is, or may be, secret in the path or URL of a database: values by what they are called there.

    Raises:
        UsageError: The URL cannot be read.
    """
    if "://" not in target:
        return {}
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(target)
        password = str(url.password) if url.password else ""
    except (ArgumentError, ValueError):  # which may quote the URL, with a password in it
        raise UsageError("the database URL is malformed", hint="write KIND://USER@HOST:PORT/NAME") from None
    found = {"a password": [password]} if password else {}
    for name, value in url.query.items():
        if name.lower() not in _HARMLESS:
            found[f"the option {name:.40}"] = [value] if isinstance(value, str) else [*value]
    return found
